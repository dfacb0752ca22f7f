// Children of the benchmark: started pinned to given cores, ended by pid, all of them, on every way out.

import { spawn } from 'node:child_process'
import { openSync, closeSync, readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/** @type {Set<ChildProcess>} */
const running = new Set()

/**
 * Starts a program that serves until `stop` is called.
 * Its output goes to files opened for appending, so that they can be cut short while it runs.
 * @param {string[]} command
 * @param {{ cores: string, stdout: string, stderr: string, env?: NodeJS.ProcessEnv, cwd?: string }} options
 * @returns {ChildProcess & { pid: number }}
 */
export function startPinned(command, options) {
  const stdout = openSync(options.stdout, 'a')
  const stderr = openSync(options.stderr, 'a')
  const child = spawn('taskset', ['-c', options.cores, ...command], {
    stdio: ['ignore', stdout, stderr],
    env: options.env ?? process.env,
    cwd: options.cwd,
  })
  closeSync(stdout)
  closeSync(stderr)
  child.on('error', () => {}) // seen as a missing pid
  if (child.pid === undefined) throw new Error(`cannot start ${command[0]} (is taskset installed?)`)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return /** @type {ChildProcess & { pid: number }} */ (child)
}

/**
 * Runs a program to its end and returns what it printed.
 * @param {string[]} command
 * @param {{ cores?: string, cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export function run(command, options = {}) {
  const full = options.cores === undefined ? command : ['taskset', '-c', options.cores, ...command]
  return new Promise(resolve => {
    const child = spawn(/** @type {string} */ (full[0]), full.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: options.env ?? process.env,
    })
    running.add(child)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => (stdout += chunk))
    child.stderr.on('data', chunk => (stderr += chunk))
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000)
    const finish = (/** @type {number | null} */ code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code, stdout, stderr })
    }
    child.once('error', error => {
      stderr += error.message
      finish(null)
    })
    child.once('close', finish)
  })
}

/** @param {number} pid @returns {number[]} the process and all below it */
export function processTree(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = parentOf(Number(name))
    if (parent === undefined) continue
    const list = children.get(parent)
    if (list === undefined) children.set(parent, [Number(name)])
    else list.push(Number(name))
  }
  const tree = [pid]
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(/** @type {number} */ (tree[i])) ?? []))
  return tree
}

/** @param {number} pid */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold anything, spaces too; the fields start behind its last bracket.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function signalOne(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // already gone
  }
}

/**
 * Ends a child and its descendants: politely, then not.
 * @param {ChildProcess} child
 */
export async function stop(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const tree = processTree(child.pid)
  const gone = new Promise(resolve => child.once('exit', resolve))
  signalOne(child.pid, 'SIGTERM')
  const ended = await Promise.race([gone.then(() => true), sleep(3000, false)])
  if (!ended) {
    for (const pid of tree) signalOne(pid, 'SIGKILL')
    await gone
  }
}

/** For the ways out that cannot wait: every child and what is below it, at once. */
export function killAllNow() {
  for (const child of running) {
    if (child.pid === undefined) continue
    for (const pid of processTree(child.pid)) signalOne(pid, 'SIGKILL')
  }
}
