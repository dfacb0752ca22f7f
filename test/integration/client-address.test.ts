// Who the client is when extensions say so; and header mutations that come before everything else.
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const detection = (type: string, fields: string): string =>
  `{name: d, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.${type}, ${fields}}}`
const custom = (fields: string): string => detection('custom_header.v3.CustomHeaderConfig', fields)
const xff = (fields: string): string => detection('xff.v3.XffConfig', fields)
const detections = (...list: string[]): string => `use_remote_address: false
original_ip_detection_extensions: [${list.join(', ')}]`

const listeners: Readonly<Record<string, string>> = {
  custom: detections(custom('header_name: X-Client')),
  trusted: detections(custom('header_name: x-client, allow_extension_to_set_address_as_trusted: true')),
  rejecting: detections(custom('header_name: x-client, reject_with_status: {code: Unauthorized}')),
  'rejecting-plain': detections(custom('header_name: x-client, reject_with_status: {code: OK}')),
  both: detections(custom('header_name: x-client'), xff('xff_num_trusted_hops: 1')),
  hops: detections(xff('xff_num_trusted_hops: 1')),
  appending: detections(xff('skip_xff_append: false')),
  cidrs: detections(
    xff(
      'xff_trusted_cidrs: {cidrs: [{address_prefix: 10.0.0.0, prefix_len: 8}, {address_prefix: 127.0.0.0, prefix_len: 8}]}',
    ),
  ),
  'cidrs-others': detections(xff('xff_trusted_cidrs: {cidrs: [{address_prefix: 10.0.0.0, prefix_len: 8}]}')),
}

const hcm = (fields: string): { hcm: string; log: string } => ({
  hcm: `${fields}\ninternal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}, {address_prefix: 127.0.0.0, prefix_len: 8}]}`,
  log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n',
})

const mutation = (list: string): string =>
  `early_header_mutation_extensions: [{name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation, mutations: ${list}}}]`
const early = mutation(
  '[{append: {header: {key: x-early, value: "%REQ(:path)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}, {remove: x-unwanted}, ' +
    '{append: {header: {key: x-forwarded-for, value: 5.5.5.5}}}, {append: {header: {key: x-envoy-max-retries, value: "7"}}}, ' +
    '{append: {header: {key: x-request-id, value: "mine"}}}, {append: {header: {key: connection, value: x-hop}}}]',
)
const routes =
  '[{match: {prefix: /, headers: [{name: x-early, string_match: {exact: /chosen}}]}, route: {cluster: up}}, ' +
  '{match: {prefix: /}, direct_response: {status: 418}}]'

/** Sends requests with these header lines and notes what came of them. */
async function tells(s: Scene, listener: string, ...requests: (readonly string[])[]): Promise<void> {
  s.upstream('up').always('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  for (const lines of requests) {
    const client = await s.connect(listener)
    await client.send(get('/', ...lines))
    const response = await client.response()
    s.note(`${lines.join('; ')}\n${response.startLine} ${response.body.toString('latin1')}`)
    await s.sawLog(1, listener)
    client.destroy()
  }
}

feature(
  'the client’s address by extensions',
  {
    file: import.meta.url,
    upstreams: ['up'],
    listeners: [
      ...Object.entries(listeners).map(([name, fields]) => http(name, hcm(fields))),
      http('early', { hcm: `${early}\nuse_remote_address: true`, routes }),
    ],
  },
  f => {
    f.scenario(
      'a header of one’s own',
      {
        sees: `
      x-client: 1.2.3.4
      HTTP/1.1 200 OK
      log: 200 via_upstream - 1.2.3.4
      x-client: 10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 10.1.1.1
      x-client: nobody
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-a: b
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-client: ::1
      HTTP/1.1 200 OK
      log: 200 via_upstream - ::1
      x-client: 1.2.3.4:80
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-client: 1.2.3.4
      HTTP/1.1 200 OK
      log: 200 via_upstream - 1.2.3.4
      x-client: 10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 10.1.1.1
    `,
      },
      async s => {
        const lines = [
          ['x-client: 1.2.3.4'],
          ['x-client: 10.1.1.1'],
          ['x-client: nobody'],
          ['x-a: b'],
          ['x-client: ::1'],
          ['x-client: 1.2.3.4:80'],
        ]
        await tells(s, 'custom', ...lines)
        await tells(s, 'trusted', ...lines.slice(0, 2))
      },
    )
    f.scenario(
      'without one the request is refused',
      {
        sees: `
      x-client: 1.2.3.4
      HTTP/1.1 200 OK
      log: 200 via_upstream - 1.2.3.4
      x-client: nobody
      HTTP/1.1 401 Unauthorized
      log: 401 rejecting_because_detection_failed - 127.0.0.1

      HTTP/1.1 401 Unauthorized
      log: 401 rejecting_because_detection_failed - 127.0.0.1

      HTTP/1.1 403 Forbidden
      log: 403 rejecting_because_detection_failed - 127.0.0.1
    `,
      },
      async s => {
        await tells(s, 'rejecting', ['x-client: 1.2.3.4'], ['x-client: nobody'], [])
        await tells(s, 'rejecting-plain', [])
      },
    )
    f.scenario(
      'x-forwarded-for',
      {
        sees: `
      x-client: 1.2.3.4; x-forwarded-for: 6.6.6.6, 7.7.7.7
      HTTP/1.1 200 OK
      log: 200 via_upstream - 1.2.3.4
      x-forwarded-for: 6.6.6.6, 7.7.7.7
      HTTP/1.1 200 OK
      log: 200 via_upstream - 6.6.6.6
      x-forwarded-for: 6.6.6.6, 7.7.7.7
      HTTP/1.1 200 OK
      log: 200 via_upstream - 6.6.6.6
      x-forwarded-for: 7.7.7.7
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1

      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
    `,
      },
      async s => {
        await tells(
          s,
          'both',
          ['x-client: 1.2.3.4', 'x-forwarded-for: 6.6.6.6, 7.7.7.7'],
          ['x-forwarded-for: 6.6.6.6, 7.7.7.7'],
        )
        await tells(s, 'hops', ['x-forwarded-for: 6.6.6.6, 7.7.7.7'], ['x-forwarded-for: 7.7.7.7'], [])
      },
    )
    f.scenario(
      'x-forwarded-for through trusted networks',
      {
        sees: `
      x-forwarded-for: 6.6.6.6, 7.7.7.7, 10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 7.7.7.7
      x-forwarded-for: 10.2.2.2,10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 10.2.2.2
      x-forwarded-for: 10.2.2.2
      HTTP/1.1 200 OK
      log: 200 via_upstream - 10.2.2.2
      x-forwarded-for: what, 10.2.2.2
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-forwarded-for: what
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1

      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-forwarded-for: 6.6.6.6, 7.7.7.7, 10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
      x-forwarded-for: 10.2.2.2,10.1.1.1
      HTTP/1.1 200 OK
      log: 200 via_upstream - 127.0.0.1
    `,
      },
      async s => {
        const lines = [
          ['x-forwarded-for: 6.6.6.6, 7.7.7.7, 10.1.1.1'],
          ['x-forwarded-for: 10.2.2.2,10.1.1.1'],
          ['x-forwarded-for: 10.2.2.2'],
          ['x-forwarded-for: what, 10.2.2.2'],
          ['x-forwarded-for: what'],
          [],
        ]
        await tells(s, 'cidrs', ...lines)
        await tells(s, 'cidrs-others', ...lines.slice(0, 2))
      },
    )
    f.scenario(
      'what the upstream hears',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: 200 via_upstream - 10.1.1.1
      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: 200 via_upstream - 10.1.1.1
      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3,LOCAL
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: 200 via_upstream - 10.3.3.3
      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3,LOCAL
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING

      > up
      GET / HTTP/1.1
      host: a
      x-client: 10.1.1.1
      x-forwarded-for: 10.3.3.3
      x-forwarded-proto: http
      x-envoy-internal: true
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: 200 via_upstream - 10.3.3.3
    `,
      },
      async s => {
        for (const listener of ['custom', 'trusted', 'appending', 'cidrs'])
          await s.exchange({
            to: listener,
            upstream: 'up',
            send: get('/', 'x-client: 10.1.1.1', 'x-forwarded-for: 10.3.3.3'),
            reply: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
          })
      },
    )
    f.scenario(
      'header mutations that come first',
      {
        sees: `
      > up
      GET /chosen HTTP/1.1
      host: a
      x-hop: b
      x-early: /chosen
      x-forwarded-for: 5.5.5.5,LOCAL
      x-request-id: UUID
      x-forwarded-proto: http
      x-envoy-external-address: 127.0.0.1
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=0
      > up
      GET /chosen HTTP/1.1
      host: a
      x-hop: b
      x-early: /chosen
      x-forwarded-for: 5.5.5.5,LOCAL
      x-request-id: UUID
      x-forwarded-proto: http
      x-envoy-external-address: 127.0.0.1
      x-envoy-expected-rq-timeout-ms: REMAINING

      < client
      HTTP/1.1 418 Unknown
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 418 - direct_response in=0 out=0
    `,
      },
      async s => {
        await s.exchange({
          to: 'early',
          upstream: 'up',
          send: get('/chosen', 'x-unwanted: a', 'x-hop: b'),
          reply: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
        })
        await s.exchange({ to: 'early', send: get('/other', 'x-early: /chosen') })
      },
    )
  },
)
