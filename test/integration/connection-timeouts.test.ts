// How long connections live, on both sides.
import { get } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const LOG = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%\n'

feature(
  'timeouts of a connection',
  {
    file: import.meta.url,
    clusters: [
      cluster('up'),
      cluster('shortidle', ['up'], httpOptions('common_http_protocol_options: {idle_timeout: 0.15s}')),
      cluster('one', ['up'], httpOptions('common_http_protocol_options: {max_requests_per_connection: 1}')),
      cluster('two', ['up'], httpOptions('common_http_protocol_options: {max_requests_per_connection: 2}')),
      cluster('old', ['up'], 'max_requests_per_connection: 1'),
      cluster('lifetime', ['up'], httpOptions('common_http_protocol_options: {max_connection_duration: 0.2s}')),
      cluster(
        'blackhole',
        [],
        'connect_timeout: 0.15s\nload_assignment: {cluster_name: blackhole, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${full}"}}}}]}]}',
      ),
    ],
    values: async () => {
      const { fullBacklog } = await import('../support/full-backlog.js')
      return { full: await fullBacklog() }
    },
    cleanUp: async () => (await import('../support/full-backlog.js')).emptyBacklog(),
    listeners: [
      http('main', {
        log: LOG,
        routes:
          '[{match: {prefix: /shortidle}, route: {cluster: shortidle}}, {match: {prefix: /one}, route: {cluster: one}}, {match: {prefix: /two}, route: {cluster: two}}, {match: {prefix: /old}, route: {cluster: old}}, {match: {prefix: /lifetime}, route: {cluster: lifetime}}, {match: {prefix: /blackhole}, route: {cluster: blackhole}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
      http('idle', { log: LOG, hcm: '{common_http_protocol_options: {idle_timeout: 0.15s}, drain_timeout: 0.1s}' }),
      http('requests', { log: LOG, hcm: 'common_http_protocol_options: {max_requests_per_connection: 2}' }),
      http('duration', {
        log: LOG,
        hcm: '{common_http_protocol_options: {max_connection_duration: 0.2s}, drain_timeout: 0.1s}',
      }),
      http('safe', {
        log: LOG,
        hcm: '{common_http_protocol_options: {max_connection_duration: 0.2s}, drain_timeout: 0.1s, http1_safe_max_connection_duration: true}',
      }),
      http('delayed', { hcm: 'delayed_close_timeout: 0.3s' }),
      http('undelayed', { hcm: 'delayed_close_timeout: 0s' }),
    ],
  },
  f => {
    f.scenario(
      'an idle connection that was never used is closed',
      {
        sees: `
    closed
    stat: http.idle.downstream_cx_active -1
    stat: http.idle.downstream_cx_destroy +1
    stat: http.idle.downstream_cx_destroy_local +1
    stat: http.idle.downstream_cx_idle_timeout +1
    < client
    (closed)
  `,
      },
      async s => {
        const client = await s.connect('idle')
        await s.statsOf(/idle\.downstream_cx_(?!tx|rx)/, async () => void s.note(await client.closed()))
        s.sawAll(client)
      },
    )
    f.scenario(
      'a connection idle after a request is closed',
      {
        sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (closed)
  `,
      },
      async s => {
        const client = await s.connect('idle')
        await client.send(get('/'))
        await client.response()
        s.note(await client.closed())
        s.sawAll(client)
      },
    )
    f.scenario(
      'a request at work keeps the connection',
      {
        sees: `
    HTTP/1.1 200 OK
  `,
      },
      async s => {
        s.upstream().script(silence)
        const client = await s.connect('idle')
        await client.send(get('/'))
        const request = await s.upstream().nextRequest()
        await new Promise(resolve => setTimeout(resolve, 400))
        await request.connection.send(OK)
        s.note((await client.response()).startLine)
      },
    )
    f.scenario(
      'max_requests_per_connection of the listener',
      {
        sees: `
    stat: http.requests.downstream_cx_max_requests_reached +1
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    okHTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
  `,
      },
      async s => {
        const client = await s.connect('requests')
        await s.statsOf(/requests\.downstream_cx_max/, async () => {
          await client.send(get('/1'))
          await client.response(1)
          await client.send(get('/2'))
          await client.response(2)
          await client.closed()
        })
        s.sawAll(client)
      },
    )
    f.scenario(
      'max_connection_duration of an idle connection',
      {
        sees: `
    closed
    stat: http.duration.downstream_cx_max_duration_reached +1
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (closed)
  `,
      },
      async s => {
        const client = await s.connect('duration')
        await client.send(get('/1'))
        await client.response(1)
        await s.statsOf(/duration\.downstream_cx_(?:max|drain)/, async () => void s.note(await client.closed()))
        s.sawAll(client)
      },
    )
    f.scenario(
      'max_connection_duration: the next answer says close',
      {
        sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
  `,
      },
      async s => {
        s.upstream().script(silence)
        const client = await s.connect('duration')
        await client.send(get('/1'))
        const request = await s.upstream().nextRequest()
        await new Promise(resolve => setTimeout(resolve, 250))
        await request.connection.send(OK)
        await client.response(1)
        s.note(await client.closed())
        s.sawAll(client)
      },
    )
    f.scenario(
      'http1_safe_max_connection_duration waits for a request',
      {
        sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    okHTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
  `,
      },
      async s => {
        const client = await s.connect('safe')
        await client.send(get('/1'))
        await client.response(1)
        await new Promise(resolve => setTimeout(resolve, 500))
        await client.send(get('/2'))
        await client.response(2)
        s.note(await client.closed())
        s.sawAll(client)
      },
    )
    f.scenario(
      'delayed close: the socket stays for delayed_close_timeout after an error',
      {
        sees: `
    closed after 200 to 1500 ms: true
  `,
      },
      async s => {
        const client = await s.connect('delayed')
        const start = Date.now()
        await client.send('BAD\r\n\r\n')
        await client.response()
        await client.closed()
        const took = Date.now() - start
        s.note(`closed after 200 to 1500 ms: ${took >= 200 && took < 1500}`)
      },
    )
    f.scenario(
      'delayed close: a client that leaves ends it at once',
      {
        sees: `
    stat: http.delayed.downstream_cx_destroy +1
    stat: http.delayed.downstream_cx_destroy_remote +1
  `,
      },
      async s => {
        const client = await s.connect('delayed')
        await s.statsOf(/delayed\.downstream_cx_(?:delayed|destroy)/, async () => {
          await client.send('BAD\r\n\r\n')
          await client.response()
          client.end()
          await client.closed()
        })
      },
    )
    f.scenario(
      'delayed_close_timeout 0 closes at once',
      {
        sees: `
    closed
  `,
      },
      async s => {
        const client = await s.connect('undelayed')
        await client.send('BAD\r\n\r\n')
        await client.response()
        s.note(await client.closed())
      },
    )
    f.scenario(
      'an idle upstream connection is closed',
      {
        sees: `
    ended
    stat: cluster.shortidle.upstream_cx_active -1
    stat: cluster.shortidle.upstream_cx_destroy +1
    stat: cluster.shortidle.upstream_cx_destroy_local +1
    stat: cluster.shortidle.upstream_cx_idle_timeout +1
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/shortidle'))
        await client.response()
        await s.statsOf(
          /cluster\.shortidle\.upstream_cx_(?!tx|rx|length)/,
          async () => void s.note(await (await s.upstream().nextConnection()).closed()),
        )
      },
    )
    const twice =
      (path: string) =>
      async (s: Scene): Promise<void> => {
        const name = path.slice(1)
        await s.statsOf(new RegExp(`cluster\\.${name}\\.upstream_cx_(?:total|max|destroy$)`), async () => {
          const client = await s.connect()
          for (let index = 1; index <= 4; index++) {
            await client.send(get(path))
            await client.response(index)
          }
        })
        s.note(`connections: ${s.upstream().connections.length}`)
        s.note(
          s.upstream().requests[0]?.head.includes('connection: close') === true
            ? 'the request says close'
            : 'the request does not say close',
        )
      }
    f.scenario(
      'max_requests_per_connection 1 of a cluster',
      {
        sees: `
    stat: cluster.one.upstream_cx_destroy +4
    stat: cluster.one.upstream_cx_max_requests +4
    stat: cluster.one.upstream_cx_total +4
    connections: 4
    the request does not say close
  `,
      },
      twice('/one'),
    )
    f.scenario(
      'max_requests_per_connection 2 of a cluster',
      {
        sees: `
    stat: cluster.two.upstream_cx_destroy +2
    stat: cluster.two.upstream_cx_max_requests +2
    stat: cluster.two.upstream_cx_total +2
    connections: 2
    the request does not say close
  `,
      },
      twice('/two'),
    )
    f.scenario(
      'the deprecated max_requests_per_connection',
      {
        sees: `
    stat: cluster.old.upstream_cx_destroy +4
    stat: cluster.old.upstream_cx_max_requests +4
    stat: cluster.old.upstream_cx_total +4
    connections: 4
    the request does not say close
  `,
      },
      twice('/old'),
    )
    f.scenario(
      'max_connection_duration of a cluster',
      {
        sees: `
    ended
    connections: 2
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/lifetime'))
        await client.response(1)
        s.note(await (await s.upstream().nextConnection()).closed())
        await client.send(get('/lifetime'))
        await client.response(2)
        s.note(`connections: ${s.upstream().connections.length}`)
        await s.stat('cluster.lifetime.upstream_cx_max_duration_reached', 1)
      },
    )
    f.exchange('connect_timeout', {
      send: get('/blackhole'),
      stats: /cluster\.blackhole\.(?:upstream_cx_(?:conn|destroy|total)|upstream_rq_(?:5|pend|total))/,
      sees: `
    stat: cluster.blackhole.upstream_cx_connect_fail +1
    stat: cluster.blackhole.upstream_cx_connect_timeout +1
    stat: cluster.blackhole.upstream_cx_destroy +1
    stat: cluster.blackhole.upstream_cx_destroy_local +1
    stat: cluster.blackhole.upstream_cx_total +1
    stat: cluster.blackhole.upstream_rq_503 +1
    stat: cluster.blackhole.upstream_rq_5xx +1
    stat: cluster.blackhole.upstream_rq_pending_failure_eject +1
    stat: cluster.blackhole.upstream_rq_pending_total +1
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 91
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection timeout
    (open)
    log: 503 UF upstream_reset_before_response_started{connection_timeout} -
  `,
    })
  },
)
