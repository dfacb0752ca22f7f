// request_mirror_policies: copies of requests for other clusters, whose answers nobody waits for.
import { get, post } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const shadowed = async (s: Scene, request: string, count = 1, upstream = 'shadow'): Promise<void> => {
  const client = await s.connect()
  await client.send(request)
  await client.response()
  await s.upstream(upstream).nextRequest(count)
  s.sawRequests()
  s.sawAll(client)
}

feature(
  'request mirrors',
  {
    file: import.meta.url,
    upstreams: ['up', 'shadow', 'other'],
    clusters: [
      cluster('up'),
      cluster('shadow'),
      cluster('other'),
      cluster(
        'refused',
        [],
        'load_assignment: {cluster_name: refused, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}',
      ),
      cluster('own', ['up'], httpOptions('request_mirror_policies: [{cluster: other}]')),
    ],
    listeners: [
      http('main', {
        routes: `
- {match: {prefix: /one}, route: {cluster: up, request_mirror_policies: [{cluster: shadow}]}}
- {match: {prefix: /refused}, route: {cluster: up, request_mirror_policies: [{cluster: refused}, {cluster: other}]}}
- {match: {prefix: /two}, route: {cluster: up, request_mirror_policies: [{cluster: shadow}, {cluster: other}]}}
- {match: {prefix: /header}, route: {cluster: up, request_mirror_policies: [{cluster_header: x-mirror}]}}
- {match: {prefix: /host}, route: {cluster: up, request_mirror_policies: [{cluster: shadow, disable_shadow_host_suffix_append: true}]}}
- {match: {prefix: /literal}, route: {cluster: up, request_mirror_policies: [{cluster: shadow, host_rewrite_literal: new.example}]}}
- {match: {prefix: /both}, route: {cluster: up, request_mirror_policies: [{cluster: shadow, host_rewrite_literal: new.example, disable_shadow_host_suffix_append: true}]}}
- {match: {prefix: /mutate}, route: {cluster: up, prefix_rewrite: /new, request_mirror_policies: [{cluster: shadow, request_headers_mutations: [{append: {header: {key: x-added, value: "%REQ(x-a)%"}}}, {remove: x-gone}]}]}, request_headers_to_add: [{header: {key: x-route, value: r}}]}
- {match: {prefix: /never}, route: {cluster: up, request_mirror_policies: [{cluster: shadow, runtime_fraction: {default_value: {numerator: 0}}}, {cluster: other}]}}
- {match: {prefix: /always}, route: {cluster: up, request_mirror_policies: [{cluster: shadow, runtime_fraction: {default_value: {numerator: 100}}}]}}
- {match: {prefix: /cluster}, route: {cluster: own}}
- {match: {prefix: /clover}, route: {cluster: own, request_mirror_policies: [{cluster: shadow}]}}
- {match: {prefix: /timeout}, route: {cluster: up, timeout: 3s, request_mirror_policies: [{cluster: shadow}]}}
- {match: {prefix: /retry}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 1}, request_mirror_policies: [{cluster: shadow}]}}
- {match: {prefix: /}, route: {cluster: up}}
`,
        vhost: 'request_mirror_policies: [{cluster: other}]',
      }),
    ],
  },
  f => {
    f.scenario(
      'a copy without a body',
      {
        sees: `
      > up
      GET /one HTTP/1.1
      host: a
      x-a: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /one HTTP/1.1
      host: a-shadow
      x-a: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/one', 'x-a: 1')),
    )
    f.scenario(
      'a host with a port',
      {
        sees: `
      > up
      GET /one HTTP/1.1
      host: example.com:8080
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /one HTTP/1.1
      host: example.com-shadow:8080
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, 'GET /one HTTP/1.1\r\nhost: example.com:8080\r\n\r\n'),
    )
    f.scenario(
      'a copy with a body',
      {
        sees: `
      > up
      POST /one HTTP/1.1
      host: a
      content-length: 5
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      hello
      > shadow
      POST /one HTTP/1.1
      host: a-shadow
      content-length: 5
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, post('/one', 'hello')),
    )
    f.scenario(
      'a chunked body with trailers',
      {
        sees: `
      > up
      POST /one HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      5
      abcde
      0


      > shadow
      POST /one HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      transfer-encoding: chunked

      5
      abcde
      0


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s =>
        shadowed(
          s,
          'POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
        ),
    )
    f.scenario(
      'two copies',
      {
        sees: `
      > up
      GET /two HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /two HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      > other
      GET /two HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/two'))
        await client.response()
        await s.upstream('shadow').nextRequest(1)
        await s.upstream('other').nextRequest(1)
        s.sawRequests()
      },
    )
    f.scenario(
      'the cluster in a header',
      {
        sees: `
      > up
      GET /header HTTP/1.1
      host: a
      x-mirror: shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /header HTTP/1.1
      host: a-shadow
      x-mirror: shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/header', 'x-mirror: shadow')),
    )
    f.scenario(
      'a cluster that is none',
      {
        sees: `
      > up
      GET /header HTTP/1.1
      host: a
      x-mirror: nobody
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
      > up
      GET /header HTTP/1.1
      host: a
      x-mirror: nobody
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET /header HTTP/1.1
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
      },
      async s => {
        await s.exchange({ send: get('/header', 'x-mirror: nobody') })
        await s.exchange({ send: get('/header') })
      },
    )
    f.scenario(
      'the host as it is',
      {
        sees: `
      > up
      GET /host HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /host HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/host')),
    )
    f.scenario(
      'another host',
      {
        sees: `
      > up
      GET /literal HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /literal HTTP/1.1
      host: new.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/literal')),
    )
    f.scenario(
      'another host without suffix',
      {
        sees: `
      > up
      GET /both HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /both HTTP/1.1
      host: new.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/both')),
    )
    f.scenario(
      'header mutations',
      {
        sees: `
      > up
      GET /new/x HTTP/1.1
      host: a
      x-a: 1
      x-gone: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-route: r
      x-envoy-original-path: /mutate/x

      > shadow
      GET /new/x HTTP/1.1
      host: a-shadow
      x-a: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-route: r
      x-envoy-original-path: /mutate/x
      x-added: 1
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/mutate/x', 'x-a: 1', 'x-gone: 1')),
    )
    f.scenario(
      'no copy for a fraction of nothing',
      {
        sees: `
      > up
      GET /never HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET /never HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/never'), 1, 'other'),
    )
    f.scenario(
      'a fraction of everything',
      {
        sees: `
      > up
      GET /always HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > shadow
      GET /always HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/always')),
    )
    f.scenario(
      'the virtual host',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET / HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/'), 1, 'other'),
    )
    f.scenario(
      'a cluster of the upstream',
      {
        sees: `
      > up
      GET /cluster HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET /cluster HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/cluster'), 1, 'other'),
    )
    f.scenario(
      'a cluster before the route',
      {
        sees: `
      > up
      GET /clover HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET /clover HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/clover'), 1, 'other'),
    )
    f.scenario(
      'the time limit of the route',
      {
        sees: `
      > up
      GET /timeout HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 3000

      > shadow
      GET /timeout HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => shadowed(s, get('/timeout')),
    )
    f.scenario(
      'one copy of a request that is retried',
      {
        sees: `
      > up
      GET /retry HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > up
      GET /retry HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > shadow
      GET /retry HTTP/1.1
      host: a-shadow
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      async s => {
        s.upstream().script('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n')
        await shadowed(s, get('/retry'))
      },
    )
    f.scenario(
      'what is counted',
      {
        sees: `
      stat: cluster.shadow.internal.upstream_rq_200 +1
      stat: cluster.shadow.internal.upstream_rq_2xx +1
      stat: cluster.shadow.internal.upstream_rq_completed +1
      stat: cluster.shadow.upstream_rq_200 +1
      stat: cluster.shadow.upstream_rq_2xx +1
      stat: cluster.shadow.upstream_rq_completed +1
      stat: cluster.shadow.upstream_rq_total +1
      stat: cluster.up.external.upstream_rq_200 +1
      stat: cluster.up.external.upstream_rq_2xx +1
      stat: cluster.up.external.upstream_rq_completed +1
      stat: cluster.up.upstream_rq_200 +1
      stat: cluster.up.upstream_rq_2xx +1
      stat: cluster.up.upstream_rq_completed +1
      stat: cluster.up.upstream_rq_total +1
      stat: http.async-client.rq_total +1
    `,
      },
      async s => {
        await s.statsOf(/^(cluster\.(up|shadow)\.(upstream_rq|internal|external)|http\.async-client\.)/, async () => {
          const client = await s.connect()
          await client.send(get('/one'))
          await client.response()
          await s.upstream('shadow').nextRequest(1)
        })
      },
    )
    f.scenario(
      'a copy that ends before the body does',
      {
        sees: `
      > up
      POST /refused HTTP/1.1
      host: a
      content-length: 10
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      helloworld
      > other
      POST /refused HTTP/1.1
      host: a-shadow
      content-length: 10
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-internal: true
      x-forwarded-for: LOCAL

      helloworld
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send('POST /refused HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello')
        await s.stat('cluster.refused.upstream_cx_connect_fail', 1)
        await client.send('world')
        await client.response()
        await s.upstream('other').nextRequest()
        s.sawRequests()
        s.sawAll(client)
      },
    )
    f.scenario(
      'a copy is given up with a request that is not whole',
      {
        sees: `
      ended
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send('POST /one HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello')
        const connection = await s.upstream('shadow').nextConnection()
        await connection.until('hello')
        client.destroy()
        s.note(await connection.closed())
      },
    )
    f.scenario(
      'an error of the copy harms nobody',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      stat: cluster.shadow.upstream_rq_500 +1
      stat: cluster.shadow.upstream_rq_5xx +1
    `,
      },
      async s => {
        s.upstream('shadow').script('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n')
        await s.statsOf(/^cluster\.shadow\.upstream_rq_5/, async () => {
          const client = await s.connect()
          await client.send(get('/one'))
          await client.response()
          await s.upstream('shadow').nextRequest(1)
          s.sawAll(client)
        })
      },
    )
  },
)
