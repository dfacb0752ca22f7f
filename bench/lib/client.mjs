// Small clients of our own: the first answer after a start, one checked request, many idle connections.

import { connect } from 'node:net'
import { get } from 'node:http'
import { connect as connectH2 } from 'node:http2'
import { get as getTls } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** @typedef {import("./jobs.mjs").Protocol} Protocol */

const kPollMs = 2
const kAnswerMs = 5000

/** @param {string} path */
function requestText(path) {
  return `GET ${path} HTTP/1.1\r\nHost: bench.test\r\n\r\n`
}

/**
 * Waits until a server accepts a connection, then until it answers 200.
 * @param {Protocol} protocol @param {number} port @param {string} path @param {() => boolean} alive @param {number} limitMs
 * @returns {Promise<{ openAt: number, answeredAt: number } | undefined>} moments of performance.now()
 */
export async function firstAnswer(protocol, port, path, alive, limitMs) {
  const end = performance.now() + limitMs
  let openAt
  while (performance.now() < end && alive()) {
    const left = end - performance.now()
    const tried = await (protocol === 'h1' ? tryOnce(port, path, left) : tryFetch(protocol, port, path))
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
 * The same over TLS or HTTP/2, whose scenarios do not time the start.
 * @param {Protocol} protocol @param {number} port @param {string} path
 */
async function tryFetch(protocol, port, path) {
  try {
    const { status } = await fetchText(port, path, protocol)
    const now = performance.now()
    return status === 200 ? { openAt: now, answeredAt: now } : { openAt: now }
  } catch {
    return {}
  }
}

/** @typedef {{ status: number, body: string, cipher?: string }} Answer */

/**
 * One request on a connection of its own.
 * @param {number} port @param {string} path @param {Protocol} [protocol]
 * @returns {Promise<Answer>} `cipher` is what TLS agreed on
 */
export function fetchText(port, path, protocol = 'h1') {
  return protocol === 'h2' ? fetchH2(port, path) : fetchH1(port, path, protocol === 'tls')
}

/** @param {number} port @param {string} path @param {boolean} tls @returns {Promise<Answer>} */
function fetchH1(port, path, tls) {
  return new Promise((resolve, reject) => {
    // The certificate is the benchmark's own.
    const options = { host: '127.0.0.1', port, path, timeout: kAnswerMs, agent: false, rejectUnauthorized: false }
    const request = (tls ? getTls : get)(options, response => {
      const { socket } = response
      const cipher = 'getCipher' in socket ? /** @type {import("node:tls").TLSSocket} */ (socket).getCipher().name : ''
      let body = ''
      response.setEncoding('latin1')
      response.on('data', chunk => (body += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body, cipher }))
      response.once('error', reject)
    })
    request.once('timeout', () => request.destroy(new Error(`no answer in ${kAnswerMs} ms`)))
    request.once('error', reject)
  })
}

/** @param {number} port @param {string} path @returns {Promise<Answer>} */
function fetchH2(port, path) {
  return new Promise((resolve, reject) => {
    const session = connectH2(`http://127.0.0.1:${port}`)
    const fail = (/** @type {Error} */ error) => {
      session.destroy()
      reject(error)
    }
    session.once('error', fail)
    session.setTimeout(kAnswerMs, () => fail(new Error(`no answer in ${kAnswerMs} ms`)))
    const stream = session.request({ ':path': path })
    let status = 0
    let body = ''
    stream.setEncoding('latin1')
    stream.once('response', headers => (status = Number(headers[':status'])))
    stream.on('data', chunk => (body += chunk))
    stream.once('error', fail)
    stream.once('end', () => {
      session.close()
      resolve({ status, body })
    })
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
