// HTTP/2 connections of a server that drains: GOAWAY without refusing anything, then with the last stream.
import { http } from '../support/config.js'
import * as frames from '../support/h2-frames.js'
import { feature } from '../support/scenario.js'

const routes =
  '[{match: {prefix: /direct}, direct_response: {status: 200, body: {inline_string: hello}}}, {match: {prefix: /}, route: {cluster: up}}]'

feature(
  'draining HTTP/2',
  {
    file: import.meta.url,
    fresh: true,
    listeners: [http('main', { routes, hcm: 'drain_timeout: 0.3s' })],
    args: ['--drain-time-s', '1', '--drain-strategy', 'immediate'],
  },
  f => {
    f.scenario(
      'a server whose health check fails',
      {
        sees: `
      < GOAWAY MAX NO_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      < HEADERS 5
      < DATA 5 5 END_STREAM
      < GOAWAY 5 NO_ERROR
      < HEADERS 1
      < DATA 1 2 END_STREAM
      (closed)
      drain_close: 1
      log: HTTP/2 200 - direct_response in=0 out=5
      log: HTTP/2 200 - direct_response in=0 out=5
      log: HTTP/2 200 - via_upstream in=0 out=2
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(frames.PREFACE + frames.settings() + frames.get(1, '/slow'))
        const connection = await s.upstream().nextConnection()
        await s.proxy.admin('/healthcheck/fail', 'POST')
        await c.send(frames.get(3, '/direct'))
        await frames.waitForFrame(c, /^DATA 3/)
        await c.send(frames.get(5, '/direct'))
        await frames.waitForFrame(c, /^DATA 5/)
        await frames.waitForFrame(c, /^GOAWAY 5/)
        await connection.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        await c.closed()
        for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
        s.note(`(${c.state})`)
        const stats = await s.proxy.stats()
        s.note(`drain_close: ${stats.get('http.main.downstream_cx_drain_close')}`)
        await s.sawLog(3)
      },
    )
  },
)
