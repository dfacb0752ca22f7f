import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('a request passes through', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('a GET reaches the upstream with the headers a proxy adds', {
    send: get('/hello'),
    reply: answer(200, 'hello'),
    sees: `
      > up
      GET /hello HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000


      < client
      HTTP/1.1 200 OK
      content-length: 5
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      hello
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=5
    `,
  })
  f.exchange('a POST passes its body', {
    send: post('/p', 'abc'),
    reply: answer(200, 'hello'),
    sees: `
      > up
      POST /p HTTP/1.1
      host: a
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abc
      < client
      HTTP/1.1 200 OK
      content-length: 5
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      hello
      (open)
      log: HTTP/1.1 200 - via_upstream in=3 out=5
    `,
  })
  f.exchange('HTTP/1.2 is answered 426', {
    send: head('GET / HTTP/1.2', 'host: a'),
    sees: `
      < client
      HTTP/1.1 426 Upgrade Required
      content-length: 16
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Upgrade Required
      (closed)
      log: HTTP/1.1 426 DPE low_version in=0 out=16
    `,
  })
})
