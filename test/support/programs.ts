// Programs of others: where they are, and one run of them. Fetched by scripts/fetch-test-programs.mjs; a test whose program is
// missing is skipped with a word that says what to do.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { REPOSITORY } from './target.js'

const DEBIAN = path.join(REPOSITORY, '.tools/debian')
const GO = path.join(REPOSITORY, '.tools/go')

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The program's path: as it is installed, or as it was unpacked or built in .tools/. `go` is a folder there. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    '/usr/sbin',
    path.join(DEBIAN, 'usr/bin'),
    path.join(DEBIAN, 'usr/sbin'),
  ]
  return folders.map(folder => path.join(folder, name)).find(isProgram)
}

/** What Go built in a folder of its own. */
export function findGoProgram(folder: string, name = folder): string | undefined {
  const file = path.join(GO, folder, name)
  return isProgram(file) ? file : undefined
}

/** For `skip` of a test: false when all are there, else what is missing. */
export function missing(programs: Readonly<Record<string, string | undefined>>): string | false {
  const names = Object.keys(programs).filter(name => programs[name] === undefined)
  return names.length > 0 && `${names.join(', ')} is not here: node scripts/fetch-test-programs.mjs`
}

/** The environment in which an unpacked program finds the libraries and programs unpacked beside it. */
export function programEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const folders = ['usr/lib', 'lib'].map(folder => path.join(DEBIAN, folder)).filter(existsSync)
  const nested = folders.flatMap(folder =>
    readdirSync(folder)
      .filter(name => name.includes('-linux-gnu'))
      .map(name => path.join(folder, name)),
  )
  const library = [...folders, ...nested, process.env.LD_LIBRARY_PATH ?? ''].filter(text => text !== '').join(':')
  // A script among them calls others.
  const search = [process.env.PATH ?? '', path.join(DEBIAN, 'usr/bin')].join(path.delimiter)
  return { ...process.env, PATH: search, ...(library === '' ? {} : { LD_LIBRARY_PATH: library }), ...more }
}

export interface Ran {
  /** Exit code, or the signal's name. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string
  readonly limitMs?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a program to its end. After `limitMs` it is killed, and its code is SIGKILL. */
export function runProgram(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: programEnvironment(options.env),
      cwd: options.cwd,
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {}) // it may end without reading
    child.stdin.end(options.input ?? '')
    const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 30_000)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8')
      resolve({ code: code ?? signal ?? -1, stdout: text(out), stderr: text(err) })
    })
  })
}

/** A program that serves until `stop`. */
export class RunningProgram {
  readonly #process: ChildProcess
  #output = ''

  constructor(command: readonly string[]) {
    const [program = '', ...args] = command
    this.#process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: programEnvironment() })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')))
    this.#process.on('error', error => (this.#output += String(error)))
  }

  get output(): string {
    return this.#output
  }

  /** Asks it to end, so that it ends what it started; a program that does not is killed. */
  async interrupt(limitMs = 8000): Promise<void> {
    this.#process.kill('SIGINT')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), limitMs)
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await new Promise(resolve => this.#process.once('exit', resolve))
    clearTimeout(timer)
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return
    const ended = new Promise(resolve => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await ended
  }
}
