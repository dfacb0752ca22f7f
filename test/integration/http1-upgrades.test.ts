// Upgrades to websocket and others, CONNECT.
import { answer, get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { OK } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const websocket = 'upgrade_configs: [{upgrade_type: websocket}]'

const handshake = head(
  'GET /chat HTTP/1.1',
  'host: a',
  'Connection: keep-alive, Upgrade',
  'Upgrade: WebSocket',
  'sec-websocket-key: x',
)

const switching = head(
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'sec-websocket-accept: y',
)

feature(
  'upgrades and CONNECT',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('ws', {
        hcm: websocket,
        routes:
          '[{match: {prefix: /off}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket, enabled: false}]}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
      http('ignoring', { hcm: 'http_protocol_options: {ignore_http_11_upgrade: [{exact: h2c}]}' }),
      http('routeless', { routes: '[{match: {prefix: /elsewhere}, route: {cluster: up}}]' }),
      http('routed', {
        routes: '[{match: {prefix: /}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket}]}}]',
      }),
    ],
  },
  f => {
    f.exchange('an upgrade that is not configured is refused', {
      send: handshake,
      sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  `,
    })
    f.exchange('an upstream that redirects instead of switching', {
      to: 'ws',
      send: handshake,
      reply: answer(302, 'no', 'location: /x', 'set-cookie: a'),
      stats: /^cluster\.up\.upstream_(rq_3xx|rq_completed|cx_destroy_with_active_rq)$/,
      sees: `
        stat: cluster.up.upstream_cx_destroy_with_active_rq +1
        > up
        GET /chat HTTP/1.1
        host: a
        connection: keep-alive, Upgrade
        upgrade: WebSocket
        sec-websocket-key: x
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: /x
        set-cookie: a
        date: DATE
        server: envoy
        connection: close
        content-length: 0

        (closed)
        log: HTTP/1.1 302 - websocket_handshake_unsuccessful in=0 out=0
      `,
    })
    f.exchange('an upgrade without a route is not found', {
      to: 'routeless',
      send: handshake,
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        connection: close
        content-length: 0

        (closed)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('an upgrade to something else is refused', {
      to: 'ws',
      send: handshake.replace('WebSocket', 'foo'),
      sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  `,
    })
    f.exchange('a route can switch the upgrade off', {
      to: 'ws',
      send: handshake.replace('/chat', '/off'),
      sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  `,
    })
    f.exchange('upgrade: h2c is ignored', {
      send: get('/', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAAP__'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('an upgrade header without connection: upgrade is dropped', {
      send: get('/', 'upgrade: websocket'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('connection: upgrade without an upgrade header', {
      send: get('/', 'connection: upgrade'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('CONNECT is refused', {
      send: head('CONNECT a:443 HTTP/1.1', 'host: a:443'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 404 NR route_not_found in=0 out=0
  `,
    })
    f.exchange('CONNECT without a port', {
      send: head('CONNECT a HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  `,
    })
    f.exchange('CONNECT with a path', {
      send: head('CONNECT /x HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  `,
    })
    f.exchange('CONNECT with a body length', {
      send: head('CONNECT a:443 HTTP/1.1', 'host: a:443', 'content-length: 3') + 'abc',
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.body_disallowed in=0 out=11
  `,
    })

    const talk =
      (listener: string) =>
      async (s: Scene): Promise<void> => {
        s.upstream().script(switching)
        const client = await s.connect(listener)
        await client.send(handshake)
        await client.until('\r\n\r\n')
        const connection = (await s.upstream().nextRequest()).connection
        s.sawRequests()
        await client.send('ping\0')
        await connection.until('ping\0')
        await connection.send('pong\xff')
        await client.until('pong\xff')
        s.sawAll(client)
        connection.end('bye')
        s.note(`client: ${await client.closed()}`)
        s.sawAll(client)
        await s.sawLog(1, listener)
      }
    f.scenario(
      'websocket bytes flow both ways',
      {
        sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xff
    (open)
    client: closed
    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xffbye
    (closed)
    log: HTTP/1.1 101 UC upstream_reset_after_response_started{connection_termination} in=5 out=8
  `,
      },
      talk('ws'),
    )
    f.scenario(
      'websocket switched on by a route',
      {
        sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xff
    (open)
    client: closed
    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xffbye
    (closed)
    log: HTTP/1.1 101 UC upstream_reset_after_response_started{connection_termination} in=5 out=8
  `,
      },
      talk('routed'),
    )
    f.scenario(
      'the client ends a websocket',
      {
        sees: `
    upstream: ended
    client: closed
    log: HTTP/1.1 101 DC downstream_remote_disconnect in=10 out=0
  `,
      },
      async s => {
        s.upstream().script(switching)
        const client = await s.connect('ws')
        await client.send(handshake)
        await client.until('\r\n\r\n')
        await client.send('last words')
        const connection = (await s.upstream().nextRequest()).connection
        await connection.until('last words')
        client.end()
        s.note(`upstream: ${await connection.closed()}`)
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'ws')
      },
    )
    f.scenario(
      'bytes sent with the handshake reach the upstream',
      {
        sees: `
    early bytes arrived
    log: HTTP/1.1 101 DC downstream_remote_disconnect in=5 out=0
  `,
      },
      async s => {
        s.upstream().script(switching)
        const client = await s.connect('ws')
        await client.send(`${handshake}early`)
        await client.until('\r\n\r\n')
        const connection = (await s.upstream().nextRequest()).connection
        await connection.until('early')
        s.note('early bytes arrived')
        client.destroy()
        await s.sawLog(1, 'ws')
      },
    )
    f.exchange('an upstream that refuses the upgrade answers as usual', {
      to: 'ws',
      send: handshake,
      reply: answer('403 Forbidden', 'no'),
      sees: `
      > up
      GET /chat HTTP/1.1
      host: a
      connection: keep-alive, Upgrade
      upgrade: WebSocket
      sec-websocket-key: x
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 403 Forbidden
      content-length: 2
      date: DATE
      server: envoy
      connection: close

      no
      (closed)
      log: HTTP/1.1 403 - via_upstream in=0 out=2
    `,
    })
    f.exchange('an upstream that answers 200 to the upgrade', {
      to: 'ws',
      send: handshake,
      reply: OK,
      sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 200 - websocket_handshake_unsuccessful in=0 out=0
  `,
    })
    f.exchange('a 101 nobody asked for', {
      send: get('/'),
      reply: switching,
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    sec-websocket-accept: y
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 101 - via_upstream in=0 out=0
  `,
    })
  },
)
