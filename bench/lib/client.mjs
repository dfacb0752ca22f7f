// Small clients of our own: the first answer after a start, one checked request, many idle connections.

import { connect } from 'node:net'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const kPollMs = 2

/** @param {string} path */
function requestText(path) {
  return `GET ${path} HTTP/1.1\r\nHost: bench.test\r\n\r\n`
}

/**
 * Waits until a server accepts a connection, then until it answers 200.
 * @param {number} port @param {string} path @param {() => boolean} alive @param {number} limitMs
 * @returns {Promise<{ openAt: number, answeredAt: number } | undefined>} moments of performance.now()
 */
export async function firstAnswer(port, path, alive, limitMs) {
  const end = performance.now() + limitMs
  let openAt
  while (performance.now() < end && alive()) {
    const tried = await tryOnce(port, path, end - performance.now())
    if (openAt === undefined) openAt = tried.openAt
    if (tried.answeredAt !== undefined && openAt !== undefined) return { openAt, answeredAt: tried.answeredAt }
    await sleep(kPollMs)
  }
  return undefined
}

/**
 * @param {number} port @param {string} path @param {number} limitMs
 * @returns {Promise<{ openAt?: number, answeredAt?: number }>}
 */
function tryOnce(port, path, limitMs) {
  return new Promise(resolve => {
    /** @type {{ openAt?: number, answeredAt?: number }} */
    const seen = {}
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(Math.max(1, limitMs), () => socket.destroy())
    socket.once('connect', () => {
      seen.openAt = performance.now()
      socket.write(requestText(path))
    })
    socket.once('data', bytes => {
      if (bytes.toString('latin1').startsWith('HTTP/1.1 200')) seen.answeredAt = performance.now()
      socket.destroy()
    })
    socket.once('error', () => {})
    socket.once('close', () => resolve(seen))
  })
}

/**
 * @param {number} port @param {string} path @param {Record<string, string>} [headers]
 * @returns {Promise<{ status: number, body: string }>}
 */
export function fetchText(port, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent: false, timeout: 5000 }, response => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', chunk => (body += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.once('error', reject)
    })
    request.once('timeout', () => request.destroy(new Error('no answer in 5 s')))
    request.once('error', reject)
  })
}

/**
 * Opens keep-alive connections, a few at a time; each makes one request and then stays idle.
 * @param {number} port @param {string} path @param {number} count
 * @returns {Promise<{ open: () => number, close: () => void }>}
 */
export async function holdIdle(port, path, count) {
  /** @type {import("node:net").Socket[]} */
  const sockets = []
  let open = 0
  let started = 0
  const lane = async () => {
    while (started < count) {
      started++
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      const answered = await new Promise(resolve => {
        socket.once('connect', () => socket.write(requestText(path)))
        // The small answer fits one segment.
        socket.once('data', () => resolve(true))
        socket.once('error', () => resolve(false))
        socket.once('close', () => resolve(false))
      })
      if (answered !== true) continue
      open++
      socket.once('close', () => open--)
      socket.on('error', () => {})
    }
  }
  await Promise.all(Array.from({ length: 16 }, lane))
  const close = () => {
    for (const socket of sockets) socket.destroy()
  }
  return { open: () => open, close }
}
