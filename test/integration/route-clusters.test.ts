// How a route chooses a cluster.
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const _hosts = (...names: string[]): string[][] => names.map(name => ['GET / HTTP/1.1', `host: ${name}`])

const says = (text: string): string => `direct_response: {status: 200, body: {inline_string: "${text}"}}`

const _routes = (...all: [string, string][]): string =>
  `[${all.map(([match, name]) => `{match: ${match}, ${says(name)}}`).join(', ')}]`

feature(
  'choosing a cluster',
  {
    file: import.meta.url,
    upstreams: ['up', 'b'],
    clusters: [cluster('up'), cluster('b'), cluster('empty', [])],
    listeners: [
      http('main', {
        routes: `
- {match: {prefix: /header}, route: {cluster_header: x-cluster}}
- {match: {prefix: /h404}, route: {cluster_header: x-cluster, cluster_not_found_response_code: NOT_FOUND}}
- {match: {prefix: /h500}, route: {cluster_header: x-cluster, cluster_not_found_response_code: INTERNAL_SERVER_ERROR}}
- {match: {prefix: /missing}, route: {cluster: nowhere}}
- {match: {prefix: /empty}, route: {cluster: empty}}
- {match: {prefix: /zero}, route: {weighted_clusters: {clusters: [{name: up, weight: 0}, {name: b, weight: 1}]}}}
- {match: {prefix: /split}, route: {weighted_clusters: {clusters: [{name: up, weight: 50}, {name: b, weight: 50}]}}}
- {match: {prefix: /rt}, route: {weighted_clusters: {runtime_key_prefix: w, clusters: [{name: up, weight: 100}, {name: b, weight: 0}]}}}
- {match: {prefix: /random}, route: {weighted_clusters: {header_name: x-random, clusters: [{name: up, weight: 30}, {name: b, weight: 70}]}}}
- {match: {prefix: /wheader}, route: {weighted_clusters: {clusters: [{cluster_header: x-cluster, weight: 1}]}}}
`,
        routeConfig: 'validate_clusters: false',
      }),
    ],
    more: 'layered_runtime: {layers: [{name: s, static_layer: {w.up: 0, w.b: 100}}]}',
  },
  f => {
    f.exchange('by header', {
      send: get('/header', 'x-cluster: b'),
      sees: `
    > b
    GET /header HTTP/1.1
    host: a
    x-cluster: b
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
    f.exchange('by a header that is absent', {
      send: get('/header'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  `,
    })
    f.exchange('by a header that names no cluster', {
      send: get('/header', 'x-cluster: nope'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  `,
    })
    f.exchange('an unknown cluster answered 404', {
      send: get('/h404', 'x-cluster: nope'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 NC cluster_not_found in=0 out=0
  `,
    })
    f.exchange('an unknown cluster answered 500', {
      send: get('/h500', 'x-cluster: nope'),
      sees: `
    < client
    HTTP/1.1 500 Internal Server Error
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 500 NC cluster_not_found in=0 out=0
  `,
    })
    f.exchange('a cluster that does not exist', {
      send: get('/missing'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  `,
    })
    f.exchange('a cluster without hosts', {
      send: get('/empty'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 19
    content-type: text/plain
    date: DATE
    server: envoy

    no healthy upstream
    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=19
  `,
    })
    f.exchange('weight 0 is never chosen', {
      send: get('/zero'),
      sees: `
    > b
    GET /zero HTTP/1.1
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
    f.exchange('weights from the runtime', {
      send: get('/rt'),
      sees: `
    > b
    GET /rt HTTP/1.1
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
    f.exchange('a weighted cluster by header', {
      send: get('/wheader', 'x-cluster: b'),
      sees: `
    > b
    GET /wheader HTTP/1.1
    host: a
    x-cluster: b
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
    f.scenario(
      'weights split the traffic',
      {
        sees: `
    b took between 140 and 260 of 400: true
  `,
      },
      async s => {
        const client = await s.connect()
        for (let index = 1; index <= 400; index++) {
          await client.send(get('/split'))
          await client.response(index)
        }
        const share = s.upstream('b').requests.length
        s.note(`b took between 140 and 260 of 400: ${share > 140 && share < 260}`)
      },
    )
    f.scenario(
      'the random value from a header',
      {
        sees: `
    0 -> up
    29 -> up
    30 -> b
    31 -> b
    99 -> b
    100 -> up
    130 -> b
    answered
  `,
      },
      async s => {
        for (const value of ['0', '29', '30', '31', '99', '100', '130', 'x']) {
          const client = await s.connect()
          await client.send(get('/random', `x-random: ${value}`))
          await client.response()
          s.note(value === 'x' ? 'answered' : `${value} -> ${s.upstream('b').requests.length > 0 ? 'b' : 'up'}`)
          s.upstream('b').forget()
        }
      },
    )
  },
)
