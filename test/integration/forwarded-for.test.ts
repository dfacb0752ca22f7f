// x-forwarded-for, trusted hops and what they make of the client address.
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

/** Names and values of headers at the upstream that begin with one of the words. */
function picked(s: Scene, words: readonly string[]): string {
  const request = s.upstream().requests.at(-1)
  if (request === undefined) return '(no request)'
  const lines = request.head
    .split('\r\n')
    .slice(1)
    .filter(line => words.some(word => line.startsWith(word)))
  return lines.length === 0 ? '(none)' : lines.join(' | ')
}

const ask = async (s: Scene, listener: string, lines: readonly string[], from?: string): Promise<string> => {
  const client = await s.connect(listener, from)
  await client.send(get('/', ...lines))
  const response = await client.response()
  client.destroy()
  return response.startLine
}

const ADDRESSES = ['x-forwarded', 'x-envoy-external', 'x-envoy-internal', 'x-from', 'x-direct', 'forwarded']

const remote =
  'request_headers_to_add: [{header: {key: x-from, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}, {header: {key: x-direct, value: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}}]'

const table =
  (listener: string, rows: readonly (readonly string[])[], from?: string) =>
  async (s: Scene): Promise<void> => {
    for (const lines of rows) {
      s.note(`${lines.join(' | ') || '(nothing)'}`)
      const status = await ask(s, listener, lines, from)
      s.note(`  ${status.includes('200') ? '' : `${status} `}${picked(s, ADDRESSES)}`)
    }
  }
const rows = [
  [],
  ['x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1'],
  ['x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5'],
  ['x-forwarded-for: 10.20.30.40'],
  ['x-forwarded-for: 10.20.30.40, 10.20.30.50'],
  ['x-forwarded-for: 127.0.0.1'],
  ['x-forwarded-for: ::1'],
  ['x-forwarded-for: 2001:db8::1'],
  ['x-forwarded-for: [2001:db8::1]'],
  ['x-forwarded-for: 203.0.113.1:8080'],
  ['x-forwarded-for: unknown'],
  ['x-forwarded-for: 203.0.113.1, unknown'],
  ['x-forwarded-for:'],
  ['x-forwarded-for: 203.0.113.1', 'x-forwarded-for: 203.0.113.2'],
  ['x-forwarded-for: 203.0.113.1,'],
  ['x-envoy-external-address: 1.2.3.4'],
  ['x-envoy-internal: true'],
  ['x-forwarded-proto: https'],
  ['x-forwarded-proto: nonsense'],
  ['x-forwarded-proto: HTTPS'],
  ['x-forwarded-host: h', 'x-forwarded-port: 1'],
  ['forwarded: for=1.2.3.4'],
  ['x-forwarded-client-cert: By=spoof'],
]

feature(
  'x-forwarded-for',
  {
    file: import.meta.url,
    listeners: [
      http('plain', { routeConfig: remote }),
      http('remote', { hcm: 'use_remote_address: true', routeConfig: remote }),
      http('remote1', { hcm: '{use_remote_address: true, xff_num_trusted_hops: 1}', routeConfig: remote }),
      http('remote2', { hcm: '{use_remote_address: true, xff_num_trusted_hops: 2}', routeConfig: remote }),
      http('plain1', { hcm: 'xff_num_trusted_hops: 1', routeConfig: remote }),
      http('plain2', { hcm: 'xff_num_trusted_hops: 2', routeConfig: remote }),
      http('skip', { hcm: '{use_remote_address: true, skip_xff_append: true}', routeConfig: remote }),
      http('internal', {
        hcm: '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}',
        routeConfig: remote,
      }),
      http('plaininternal', {
        hcm: '{internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}}',
        routeConfig: remote,
      }),
      http('port', { hcm: '{use_remote_address: true, append_x_forwarded_port: true}', routeConfig: remote }),
    ],
  },
  f => {
    f.scenario(
      'by default it is left alone',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('plain', rows),
    )
    f.scenario(
      'use_remote_address appends the peer',
      {
        sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('remote', rows),
    )
    f.scenario(
      'use_remote_address with one trusted hop',
      {
        sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 192.0.2.5 | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.40 | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.50 | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: ::1 | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 2001:db8::1 | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.2 | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('remote1', rows),
    )
    f.scenario(
      'use_remote_address with two trusted hops',
      {
        sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.10 | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.40 | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('remote2', rows),
    )
    f.scenario(
      'one trusted hop without use_remote_address',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('plain1', rows),
    )
    f.scenario(
      'two trusted hops without use_remote_address',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.128 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('plain2', rows),
    )
    f.scenario(
      'skip_xff_append',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('skip', rows),
    )
    f.scenario(
      'loopback peers declared internal',
      {
        sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('internal', rows),
    )
    f.scenario(
      '10/8 declared internal',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-envoy-internal: true | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('plaininternal', rows),
    )
    f.scenario(
      'append_x_forwarded_port',
      {
        sees: `
    x-forwarded-for: LOCAL | x-forwarded-proto: http | x-forwarded-port: LISTENER | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-port: LISTENER | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      async s => {
        await ask(s, 'port', [])
        s.note(picked(s, ADDRESSES).replace(String(s.proxy.port('port')), 'LISTENER'))
        await ask(s, 'port', ['x-forwarded-port: 1'])
        s.note(picked(s, ADDRESSES).replace(String(s.proxy.port('port')), 'LISTENER'))
      },
    )
    f.scenario(
      'another loopback peer',
      {
        sees: `
    (nothing)
      x-forwarded-for: 127.0.0.9 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.9 | x-from: 127.0.0.9 | x-direct: 127.0.0.9
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,127.0.0.9 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.9 | x-from: 127.0.0.9 | x-direct: 127.0.0.9
  `,
      },
      table('remote', rows.slice(0, 2), '127.0.0.9'),
    )
  },
)

feature(
  'the detection extension',
  {
    file: import.meta.url,
    listeners: [
      http('extension', {
        hcm: '{original_ip_detection_extensions: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig, xff_num_trusted_hops: 1}}]}',
        routeConfig: remote,
      }),
    ],
  },
  f => {
    f.scenario(
      'the XFF detection extension',
      {
        sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  `,
      },
      table('extension', rows),
    )
  },
)
