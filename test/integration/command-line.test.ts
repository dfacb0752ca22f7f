// The command line: what starts, what is refused, with which exit code. Texts are ours or Envoy's; codes and outcomes are the same.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { get } from '../support/bytes.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { target } from '../support/target.js'

interface Ran {
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program with exactly these arguments until it ends. */
function run(args: readonly string[]): Promise<Ran> {
  const [program = '', ...first] = target.command
  const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => (stdout += text))
  child.stderr.on('data', text => (stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  return new Promise(resolve =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ exit: code ?? signal ?? -1, stdout, stderr })
    }),
  )
}

const inTurns = async <T>(items: readonly T[], act: (item: T) => Promise<string>): Promise<string[]> => {
  const results: string[] = []
  for (let at = 0; at < items.length; at += 2) results.push(...(await Promise.all(items.slice(at, at + 2).map(act))))
  return results
}

const ADMIN = 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n'
const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ROUTER =
  '{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}'
const listener = (hcm: string, more = ''): string =>
  `static_resources: {clusters: [{name: c, type: STATIC}], listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: [{name: hcm, typed_config: {"@type": ${HCM}, stat_prefix: x, ${hcm}}}]}]${more}}]}`
const routed = (vhosts: string, filters = `[${ROUTER}]`): string =>
  listener(`route_config: {virtual_hosts: ${vhosts}}, http_filters: ${filters}`)
const route = (text: string): string => routed(`[{name: v, domains: ["*"], routes: [${text}]}]`)
const clusterOf = (text: string): string => `static_resources: {clusters: [{${text}}]}`

feature('validation', { file: import.meta.url, withoutProxy: true }, f => {
  /** Each config through `--mode validate`: its name and the exit code. */
  const table =
    (configs: Readonly<Record<string, string>>, args: readonly string[] = []) =>
    async (s: Scene): Promise<void> => {
      const lines = await inTurns(Object.entries(configs), async ([name, text]) => {
        const file = path.join(s.folder, `${name.replace(/\W+/g, '-')}.yaml`)
        writeFileSync(file, text)
        const ran = await run(['--mode', 'validate', '-c', file, ...args])
        return `${name}: ${ran.exit}`
      })
      s.note(lines.join('\n'))
    }
  f.scenario(
    'the words of a good validation',
    {
      sees: `
    0 configuration '$tmp/good.yaml' OK
  `,
    },
    async s => {
      const file = path.join(s.folder, 'good.yaml')
      writeFileSync(file, ADMIN)
      const ran = await run(['--mode', 'validate', '-c', file])
      s.note(`${ran.exit} ${ran.stdout.trim()}`)
    },
  )
  f.scenario(
    'files that are no config',
    {
      sees: `
    empty: 1
    empty object: 0
    only a comment: 1
    a list: 1
    a string: 1
    broken YAML: 1
    tabs: 1
    duplicate keys: 0
    two documents: 0
    an anchor: 0
    null section: 0
  `,
    },
    table({
      empty: '',
      'empty object': '{}',
      'only a comment': '# nothing',
      'a list': '[]',
      'a string': 'hello',
      'broken YAML': 'a: [',
      tabs: 'admin:\n\taddress: {}',
      'duplicate keys': `${ADMIN}static_resources: {}\nstatic_resources: {clusters: []}`,
      'two documents': `${ADMIN}---\n${ADMIN}`,
      'an anchor': `${ADMIN}node: &n {id: x}`,
      'null section': `${ADMIN}static_resources:`,
    }),
  )
  f.scenario(
    'fields',
    {
      sees: `
    unknown at the top: 1
    unknown deep: 1
    camelCase: 0
    a removed v2 field: 1
    wrong type: 1
    number for string: 1
    boolean for string: 1
    string for number: 0
    text for number: 1
    a fraction for an integer: 1
    a whole fraction for an integer: 0
    negative unsigned: 1
    port too large: 1
  `,
    },
    table({
      'unknown at the top': 'unknown: 1',
      'unknown deep': clusterOf('name: c, nope: 1'),
      camelCase: 'staticResources: {clusters: [{name: c, connectTimeout: 1s}]}',
      'a removed v2 field': clusterOf('name: c, hosts: []'),
      'wrong type': clusterOf('name: [1]'),
      'number for string': clusterOf('name: 5'),
      'boolean for string': clusterOf('name: true'),
      'string for number': 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: "0"}}}',
      'text for number': 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: abc}}}',
      'a fraction for an integer': 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1.5}}}',
      'a whole fraction for an integer': 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0.0}}}',
      'negative unsigned': clusterOf('name: c, per_connection_buffer_limit_bytes: -1'),
      'port too large': 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 70000}}}',
    }),
  )
  f.scenario(
    'enums and durations',
    {
      sees: `
    enum in lower case: 0
    enum as a number: 0
    unknown enum: 1
    unknown enum number: 1
    duration 1s: 0
    duration 0.25s: 0
    duration without unit: 1
    duration in ms: 1
    negative duration: 1
    zero duration: 1
    duration as an object: 0
    exponent: 1
    nine digits: 0
    ten digits: 1
  `,
    },
    table({
      'enum in lower case': clusterOf(
        'name: c, type: strict_dns, lb_policy: round_robin, load_assignment: {cluster_name: c}',
      ),
      'enum as a number': clusterOf('name: c, type: 0'),
      'unknown enum': clusterOf('name: c, type: NOPE'),
      'unknown enum number': clusterOf('name: c, type: 99'),
      'duration 1s': clusterOf('name: c, connect_timeout: 1s'),
      'duration 0.25s': clusterOf('name: c, connect_timeout: 0.25s'),
      'duration without unit': clusterOf('name: c, connect_timeout: 1'),
      'duration in ms': clusterOf('name: c, connect_timeout: 250ms'),
      'negative duration': clusterOf('name: c, connect_timeout: -1s'),
      'zero duration': clusterOf('name: c, connect_timeout: 0s'),
      'duration as an object': clusterOf('name: c, connect_timeout: {seconds: 1}'),
      exponent: clusterOf('name: c, connect_timeout: 1e3s'),
      'nine digits': clusterOf('name: c, connect_timeout: 0.123456789s'),
      'ten digits': clusterOf('name: c, connect_timeout: 0.1234567891s'),
    }),
  )
  f.scenario(
    'rules of clusters',
    {
      sees: `
    no name: 1
    twice the same name: 1
    a host name in STATIC: 1
    EDS without config: 1
    two hosts in LOGICAL_DNS: 1
    STRICT_DNS without hosts: 0
    a weight of 0: 1
    no port: 1
    CLUSTER_PROVIDED on STATIC: 1
    priority gap: 0
    priority too high: 1
    no policy known: 1
  `,
    },
    table({
      'no name': clusterOf('type: STATIC'),
      'twice the same name': 'static_resources: {clusters: [{name: c, type: STATIC}, {name: c, type: STATIC}]}',
      'a host name in STATIC': clusterOf(
        'name: c, type: STATIC, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: localhost, port_value: 1}}}}]}]}',
      ),
      'EDS without config': clusterOf('name: c, type: EDS'),
      'two hosts in LOGICAL_DNS': clusterOf(
        'name: c, type: LOGICAL_DNS, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: a, port_value: 1}}}}, {endpoint: {address: {socket_address: {address: b, port_value: 1}}}}]}]}',
      ),
      'STRICT_DNS without hosts': clusterOf('name: c, type: STRICT_DNS'),
      'a weight of 0': clusterOf(
        'name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{load_balancing_weight: 0, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}',
      ),
      'no port': clusterOf(
        'name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1}}}}]}]}',
      ),
      'CLUSTER_PROVIDED on STATIC': clusterOf('name: c, lb_policy: CLUSTER_PROVIDED'),
      'priority gap': clusterOf(
        'name: c, load_assignment: {cluster_name: c, endpoints: [{priority: 0}, {priority: 2}]}',
      ),
      'priority too high': clusterOf('name: c, load_assignment: {cluster_name: c, endpoints: [{priority: 129}]}'),
      'no policy known': clusterOf('name: c, load_balancing_policy: {policies: []}'),
    }),
  )
  f.scenario(
    'rules of listeners',
    {
      nuncio: {
        because: 'two listeners of one name are refused: one of them would never be reached',
        instead: `
    no address: 1
    no filter chain: 1
    an empty filter chain: 0
    two of one name: 1
    a host name: 1
    equal matches: 1
    an unknown filter: 1
    an unknown type: 1
    no name: 0
  `,
      },
      sees: `
    no address: 1
    no filter chain: 1
    an empty filter chain: 0
    two of one name: 0
    a host name: 1
    equal matches: 1
    an unknown filter: 1
    an unknown type: 1
    no name: 0
  `,
    },
    table({
      'no address': 'static_resources: {listeners: [{name: l, filter_chains: [{}]}]}',
      'no filter chain':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}}]}',
      'an empty filter chain':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{}]}]}',
      'two of one name': listener(`route_config: {}, http_filters: [${ROUTER}]`).replace(
        /listeners: \[(.*)\]\}$/,
        'listeners: [$1, $1]}',
      ),
      'a host name':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: localhost, port_value: 0}}, filter_chains: [{}]}]}',
      'equal matches':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{name: a, filter_chain_match: {destination_port: 1}}, {name: b, filter_chain_match: {destination_port: 1}}]}]}',
      'an unknown filter':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: [{name: nope}]}]}]}',
      'an unknown type':
        'static_resources: {listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: [{name: x, typed_config: {"@type": type.googleapis.com/no.such.Type}}]}]}]}',
      'no name': listener(`route_config: {}, http_filters: [${ROUTER}]`).replace('name: l, ', ''),
    }),
  )
  f.scenario(
    'rules of the connection manager',
    {
      sees: `
    no stat_prefix: 1
    no routes: 1
    no router: 0
    router not last: 1
    no http_filters: 0
    a bad idle timeout: 1
    headers kb too large: 1
    use of a via with a line break: 1
    a server name with a line break: 1
    two hops with detection extensions: 1
    twice the same upgrade: 1
  `,
    },
    table({
      'no stat_prefix': listener(`route_config: {}, http_filters: [${ROUTER}]`).replace('stat_prefix: x, ', ''),
      'no routes': listener(`http_filters: [${ROUTER}]`),
      'no router': routed('[]', '[]'),
      'router not last': routed('[]', `[${ROUTER}, ${ROUTER}]`),
      'no http_filters': listener('route_config: {}'),
      'a bad idle timeout': listener(`route_config: {}, http_filters: [${ROUTER}], stream_idle_timeout: abc`),
      'headers kb too large': listener(`route_config: {}, http_filters: [${ROUTER}], max_request_headers_kb: 9000`),
      'use of a via with a line break': listener(`route_config: {}, http_filters: [${ROUTER}], via: "a\\nb"`),
      'a server name with a line break': listener(`route_config: {}, http_filters: [${ROUTER}], server_name: "a\\nb"`),
      'two hops with detection extensions': listener(
        `route_config: {}, http_filters: [${ROUTER}], use_remote_address: true, original_ip_detection_extensions: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig}}]`,
      ),
      'twice the same upgrade': listener(
        `route_config: {}, http_filters: [${ROUTER}], upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: WebSocket}]`,
      ),
    }),
  )
  f.scenario(
    'rules of routes',
    {
      sees: `
    an unknown cluster: 1
    an unknown weighted cluster: 1
    no match: 1
    no action: 1
    a bad regex: 1
    a look-ahead: 1
    an empty regex: 1
    two domains alike: 1
    two domains alike but for case: 1
    two any domains: 1
    two virtual hosts of one name: 0
    no domains: 1
    no virtual host name: 1
    weights of zero: 1
    both prefix and regex rewrite: 1
    a body too long: 1
    status 99: 1
    status 600: 1
    a separated prefix with a slash at its end: 1
    a separated prefix with a query: 1
    an unknown operator: 1
    a lone percent: 1
    removing host: 1
    removing :path: 1
    adding :path: 1
    adding host: 1
    a bad header name: 0
    a bad header value: 1
    a wildcard in the middle: 0
    a prefix rewrite of a redirect and a path: 1
    a mirror to an unknown cluster: 1
  `,
    },
    table({
      'an unknown cluster': route('{match: {prefix: /}, route: {cluster: nope}}'),
      'an unknown weighted cluster': route(
        '{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: nope, weight: 1}]}}}',
      ),
      'no match': route('{route: {cluster: c}}'),
      'no action': route('{match: {prefix: /}}'),
      'a bad regex': route('{match: {safe_regex: {regex: "("}}, route: {cluster: c}}'),
      'a look-ahead': route('{match: {safe_regex: {regex: "(?=a)"}}, route: {cluster: c}}'),
      'an empty regex': route('{match: {safe_regex: {regex: ""}}, route: {cluster: c}}'),
      'two domains alike': routed('[{name: a, domains: [x]}, {name: b, domains: [x]}]'),
      'two domains alike but for case': routed('[{name: a, domains: [x]}, {name: b, domains: [X]}]'),
      'two any domains': routed('[{name: a, domains: ["*"]}, {name: b, domains: ["*"]}]'),
      'two virtual hosts of one name': routed('[{name: a, domains: [x]}, {name: a, domains: [z]}]'),
      'no domains': routed('[{name: a, domains: []}]'),
      'no virtual host name': routed('[{domains: [x]}]'),
      'weights of zero': route('{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: c, weight: 0}]}}}'),
      'both prefix and regex rewrite': route(
        '{match: {prefix: /}, route: {cluster: c, prefix_rewrite: /x, regex_rewrite: {pattern: {regex: a}, substitution: b}}}',
      ),
      'a body too long': route(
        `{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "${'x'.repeat(4097)}"}}}`,
      ),
      'status 99': route('{match: {prefix: /}, direct_response: {status: 99}}'),
      'status 600': route('{match: {prefix: /}, direct_response: {status: 600}}'),
      'a separated prefix with a slash at its end': route('{match: {path_separated_prefix: /a/}, route: {cluster: c}}'),
      'a separated prefix with a query': route('{match: {path_separated_prefix: "/a?"}, route: {cluster: c}}'),
      'an unknown operator': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: a, value: "%NOPE%"}}]}',
      ),
      'a lone percent': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: a, value: "100%"}}]}',
      ),
      'removing host': route('{match: {prefix: /}, route: {cluster: c}, request_headers_to_remove: [host]}'),
      'removing :path': route('{match: {prefix: /}, route: {cluster: c}, request_headers_to_remove: [":path"]}'),
      'adding :path': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: ":path", value: x}}]}',
      ),
      'adding host': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: host, value: x}}]}',
      ),
      'a bad header name': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: "a b", value: x}}]}',
      ),
      'a bad header value': route(
        '{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: a, value: "x\\ny"}}]}',
      ),
      'a wildcard in the middle': routed('[{name: a, domains: ["a*b"]}]'),
      'a prefix rewrite of a redirect and a path': route(
        '{match: {prefix: /}, redirect: {path_redirect: /a, prefix_rewrite: /b}}',
      ),
      'a mirror to an unknown cluster': route(
        '{match: {prefix: /}, route: {cluster: c, request_mirror_policies: [{cluster: nope}]}}',
      ),
    }),
  )
  f.scenario(
    'access logs',
    {
      sees: `
    no path: 1
    a folder that is not there: 1
    an unknown operator: 1
    an unknown flag: 1
  `,
    },
    table({
      'no path': listener(
        `route_config: {}, http_filters: [${ROUTER}], access_log: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog}}]`,
      ),
      'a folder that is not there': listener(
        `route_config: {}, http_filters: [${ROUTER}], access_log: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /nonexistent/folder/log}}]`,
      ),
      'an unknown operator': listener(
        `route_config: {}, http_filters: [${ROUTER}], access_log: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null, log_format: {text_format_source: {inline_string: "%NOPE%"}}}}]`,
      ),
      'an unknown flag': listener(
        `route_config: {}, http_filters: [${ROUTER}], access_log: [{name: x, filter: {response_flag_filter: {flags: [XX]}}, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null}}]`,
      ),
    }),
  )
  f.scenario(
    'unknown fields may be allowed',
    {
      sees: `
    unknown at the top: 0
    unknown deep: 0
    unknown in an Any: 0
    still a rule: 1
  `,
    },
    table(
      {
        'unknown at the top': 'unknown: 1',
        'unknown deep': clusterOf('name: c, nope: 1'),
        'unknown in an Any': listener(`route_config: {}, http_filters: [${ROUTER}], nope: 1`),
        'still a rule': clusterOf('name: ""'),
      },
      ['--allow-unknown-static-fields'],
    ),
  )
})

feature('arguments', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    '--version',
    {
      sees: `
    0 true
  `,
    },
    async s => {
      const ran = await run(['--version'])
      s.note(
        `${ran.exit} ${/^\n?\S*(?:envoy|nuncio) {2}version: [0-9a-f]+\/\d+\.\d+\.\d+[^/]*\/\w+\/\w+\/\S+\n/.test(ran.stdout)}`,
      )
    },
  )
  f.scenario(
    '--help',
    {
      sees: `
    0 true
  `,
    },
    async s => {
      const ran = await run(['--help'])
      const text = ran.stdout + ran.stderr
      s.note(
        `${ran.exit} ${['--config-path', '--concurrency', '--mode', '--log-level', '--drain-time-s'].every(flag => text.includes(flag))}`,
      )
    },
  )
  f.scenario(
    'exit codes',
    {
      sees: `
     => 1
    --nope => 1
    -c => 1
    -c /nonexistent.yaml => 1
    -c GOOD --mode nonsense => 1
    -c GOOD --mode validate --concurrency x => 1
    -c GOOD --mode validate -l nonsense => 1
    -c GOOD --mode validate -c GOOD => 1
    -c GOOD --mode validate stray => 1
    -c GOOD --mode validate -- stray --nope => 0
    --config-yaml admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}} --mode validate => 0
    --config-yaml unknown: 1 --mode validate => 1
    -c GOOD --config-yaml node: {id: x} --mode validate => 0
    --config-path GOOD --mode=validate => 1
    --config-path=GOOD --mode validate => 1
    -c GOOD --mode validate --component-log-level http:debug,router:info => 0
    -c GOOD --mode validate --component-log-level nope:debug => 1
    -c GOOD --mode validate --component-log-level http => 1
    -c GOOD --mode validate --drain-strategy nope => 1
    -c GOOD --mode validate --local-address-ip-version v5 => 1
    -c GOOD --mode validate --log-format %v => 0
    -c GOOD --mode validate --cpuset-threads --disable-hot-restart --skip-deprecated-logs --ignore-unknown-dynamic-fields --file-flush-interval-msec 100 --local-address-ip-version v6 => 0
    -c GOOD --mode validate --base-id 5 --restart-epoch 0 --parent-shutdown-time-s 900 --socket-path @x --socket-mode 600 --enable-core-dump --bootstrap-version 3 --stats-tag a:b => 1
    --hot-restart-version => 0
    -c GOOD --mode init_only => 0
  `,
    },
    async s => {
      const good = path.join(s.folder, 'ok.yaml')
      writeFileSync(good, ADMIN)
      const cases: string[][] = [
        [],
        ['--nope'],
        ['-c'],
        ['-c', '/nonexistent.yaml'],
        ['-c', good, '--mode', 'nonsense'],
        ['-c', good, '--mode', 'validate', '--concurrency', 'x'],
        ['-c', good, '--mode', 'validate', '-l', 'nonsense'],
        ['-c', good, '--mode', 'validate', '-c', good],
        ['-c', good, '--mode', 'validate', 'stray'],
        ['-c', good, '--mode', 'validate', '--', 'stray', '--nope'],
        ['--config-yaml', ADMIN, '--mode', 'validate'],
        ['--config-yaml', 'unknown: 1', '--mode', 'validate'],
        ['-c', good, '--config-yaml', 'node: {id: x}', '--mode', 'validate'],
        ['--config-path', good, '--mode=validate'],
        [`--config-path=${good}`, '--mode', 'validate'],
        ['-c', good, '--mode', 'validate', '--component-log-level', 'http:debug,router:info'],
        ['-c', good, '--mode', 'validate', '--component-log-level', 'nope:debug'],
        ['-c', good, '--mode', 'validate', '--component-log-level', 'http'],
        ['-c', good, '--mode', 'validate', '--drain-strategy', 'nope'],
        ['-c', good, '--mode', 'validate', '--local-address-ip-version', 'v5'],
        ['-c', good, '--mode', 'validate', '--log-format', '%v'],
        [
          '-c',
          good,
          '--mode',
          'validate',
          '--cpuset-threads',
          '--disable-hot-restart',
          '--skip-deprecated-logs',
          '--ignore-unknown-dynamic-fields',
          '--file-flush-interval-msec',
          '100',
          '--local-address-ip-version',
          'v6',
        ],
        [
          '-c',
          good,
          '--mode',
          'validate',
          '--base-id',
          '5',
          '--restart-epoch',
          '0',
          '--parent-shutdown-time-s',
          '900',
          '--socket-path',
          '@x',
          '--socket-mode',
          '600',
          '--enable-core-dump',
          '--bootstrap-version',
          '3',
          '--stats-tag',
          'a:b',
        ],
        ['--hot-restart-version'],
        ['-c', good, '--mode', 'init_only'],
      ]
      s.note(
        (
          await inTurns(
            cases,
            async args => `${args.join(' ').replaceAll(good, 'GOOD').replace(/\n/g, '')} => ${(await run(args)).exit}`,
          )
        ).join('\n'),
      )
    },
  )
  f.scenario(
    'formats by extension',
    {
      nuncio: {
        because: '.textproto is text protobuf to Envoy Gateway and to us',
        instead: `
    a.json => 0
    a.yaml => 0
    a.yml => 0
    a.pb_text => 0
    a.textproto => 0
    a.pb empty=> 0
    b.json => 1
    a.txt => 1
    noextension => 1
    c.json => 1
    d.textproto => 1
  `,
      },
      sees: `
    a.json => 0
    a.yaml => 0
    a.yml => 0
    a.pb_text => 0
    a.textproto => 1
    a.pb empty=> 0
    b.json => 1
    a.txt => 1
    noextension => 1
    c.json => 1
    d.textproto => 1
  `,
    },
    async s => {
      const json = '{"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}'
      const text = 'admin { address { socket_address { address: "127.0.0.1" port_value: 0 } } }'
      const files: [string, string | Buffer][] = [
        ['a.json', json],
        ['a.yaml', json],
        ['a.yml', ADMIN],
        ['a.pb_text', text],
        ['a.textproto', text],
        ['a.pb', Buffer.alloc(0)],
        ['b.json', ADMIN],
        ['a.txt', ADMIN],
        ['noextension', ADMIN],
        ['c.json', '{"admin": }'],
        ['d.textproto', 'nope { }'],
      ]
      s.note(
        (
          await inTurns(files, async ([name, content]) => {
            const file = path.join(s.folder, name)
            writeFileSync(file, content)
            return `${name} ${content.length === 0 ? 'empty' : ''}=> ${(await run(['--mode', 'validate', '-c', file])).exit}`
          })
        ).join('\n'),
      )
    },
  )
  f.scenario(
    '--config-yaml is merged over the file',
    {
      sees: `
    from-flag file-cluster
    one two
  `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({
        config: `${ADMIN}node: {id: from-file, cluster: file-cluster}\nstatic_resources: {clusters: [{name: one, type: STATIC}]}`,
        args: ['--config-yaml', 'node: {id: from-flag}\nstatic_resources: {clusters: [{name: two, type: STATIC}]}'],
      })
      const info = JSON.parse((await proxy.admin('/server_info')).body)
      s.note(`${info.node.id} ${info.node.cluster}`)
      s.note(
        [
          ...new Set(
            (await proxy.admin('/clusters')).body
              .split('\n')
              .map(line => line.split('::')[0])
              .filter(name => name !== ''),
          ),
        ].join(' '),
      )
      await proxy.stop()
    },
  )
  f.scenario(
    'unknown fields that were left out count once for a file',
    {
      sees: `
        server.static_unknown_fields: 1
      `,
    },
    async s => {
      const clusters = '[{name: one, type: STATIC, nope: 1, neither: 2}, {name: two, type: STATIC, nope: 1}]'
      const proxy = await ProxyUnderTest.start({
        config: `${ADMIN}unknown: 1\nstatic_resources: {clusters: ${clusters}}`,
        args: ['--allow-unknown-static-fields'],
      })
      s.note((await proxy.admin('/stats?filter=static_unknown_fields')).body.trim())
      await proxy.stop()
    },
  )
  f.scenario(
    'flags win over the node of the file',
    {
      sees: `
    {"id":"flag-node","cluster":"flag-cluster","locality":{"region":"","zone":"flag-zone","sub_zone":""}}
  `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({
        config: `${ADMIN}node: {id: file, cluster: file, locality: {zone: file}}`,
        args: ['--service-node', 'flag-node', '--service-cluster', 'flag-cluster', '--service-zone', 'flag-zone'],
      })
      const { id, cluster, locality } = JSON.parse((await proxy.admin('/server_info')).body).node
      s.note(JSON.stringify({ id, cluster, locality }))
      await proxy.stop()
    },
  )
  f.scenario(
    'a listener whose port is taken ends the start',
    {
      sees: `
    exit 1
  `,
    },
    async s => {
      const file = path.join(s.folder, 'taken.yaml')
      writeFileSync(
        file,
        listener(`route_config: {}, http_filters: [${ROUTER}]`).replace(
          'port_value: 0',
          `port_value: ${s.value('up')}`,
        ),
      )
      s.note(`exit ${(await run(['-c', file, '--disable-hot-restart'])).exit}`)
    },
  )
  f.scenario(
    'no admin, no port',
    {
      sees: `
        exit 0
      `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({ config: 'static_resources: {}', waitUntilLive: false })
      await proxy.waitFor(
        'the main loop',
        () => (/starting main dispatch loop/.test(proxy.stderr) ? true : undefined),
        () => proxy.stderr,
      )
      proxy.signal('SIGTERM')
      s.note(`exit ${await proxy.ended()}`)
      await proxy.stop()
    },
  )
  f.scenario(
    '--log-path writes the log to a file',
    {
      sees: `
    true
  `,
    },
    async s => {
      const file = path.join(s.folder, 'app.log')
      const proxy = await ProxyUnderTest.start({ config: ADMIN, args: ['--log-path', file, '-l', 'info'] })
      await proxy.stop()
      const { readFileSync } = await import('node:fs')
      const text = readFileSync(file, 'utf8')
      s.note(`${/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\[\d+\]\[info\]\[main\]/m.test(text)}`)
    },
  )
  f.scenario(
    '--log-format',
    {
      sees: `
    true
  `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({ config: ADMIN, args: ['--log-format', '<%l|%n> %v', '-l', 'info'] })
      await proxy.stop()
      s.note(String(/^<info\|main> /m.test(proxy.stderr)))
    },
  )
  f.scenario(
    '-l off is silent',
    {
      sees: `
    ""
  `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({ config: ADMIN, args: ['-l', 'off'] })
      await proxy.stop()
      s.note(JSON.stringify(proxy.stderr))
    },
  )
  f.scenario(
    '--concurrency 1 makes one worker',
    {
      sees: `
    1
    HTTP/1.1 200 OK
  `,
    },
    async s => {
      const proxy = await ProxyUnderTest.start({
        config: `${ADMIN}${listener(`route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}, http_filters: [${ROUTER}]`)}`,
      })
      s.note(`${(await proxy.stats()).get('server.concurrency')}`)
      const client = await s.connectTo({ port: proxy.port('l') })
      await client.send(get('/'))
      s.note((await client.response()).startLine)
      await proxy.stop()
    },
  )
})
