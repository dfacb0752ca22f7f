#!/usr/bin/env node
// What `npm start` runs: two small upstreams, and Nuncio with examples/quickstart.yaml in front of them.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../..')

/** One upstream, which says who it is and what reached it. */
function upstream(name, port) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain')
    const greeting = request.url?.startsWith('/time') ? new Date().toISOString() : `hello from ${name}`
    response.end(
      `${greeting}\n${request.method} ${request.url}\nx-request-id: ${request.headers['x-request-id'] ?? '-'}\n`,
    )
  })
  server.keepAliveTimeout = 0
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, '127.0.0.1', () => done(server))
  })
}

let upstreams
try {
  upstreams = await Promise.all([upstream('one', 10001), upstream('two', 10002)])
} catch (error) {
  process.stderr.write(`quickstart: an upstream cannot start: ${error.message}\n`)
  process.exit(1)
}

process.stdout.write(`
Nuncio listens on 127.0.0.1:10000, its admin pages are on 127.0.0.1:9901. Try:

  curl http://127.0.0.1:10000/
  curl http://127.0.0.1:10000/time
  curl -i http://127.0.0.1:10000/direct
  curl http://127.0.0.1:9901/clusters
  curl 'http://127.0.0.1:9901/stats?filter=http.ingress'

Edit examples/quickstart.yaml while it runs: a good change is in use at once, a bad one is reported. Ctrl-C ends it.

`)

const proxy = spawn(process.execPath, [join(root, 'bin/nuncio'), '-c', join(root, 'examples/quickstart.yaml')], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1']) process.on(signal, () => proxy.kill(signal))
proxy.on('exit', code => {
  for (const server of upstreams) {
    server.close()
    server.closeAllConnections()
  }
  process.exitCode = code ?? 1
})
