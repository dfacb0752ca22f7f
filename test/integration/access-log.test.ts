// Access log formats, filters, loggers and reopening.
import { renameSync, existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { answer, get, head } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { OK } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const FILE = '"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'

const ROUTES = `
- {name: named, match: {prefix: /named}, route: {cluster: up}, metadata: {filter_metadata: {ns: {key: route value}}}}
- {name: direct, match: {prefix: /direct}, direct_response: {status: 403, body: {inline_string: "no way"}}}
- {match: {prefix: /none}, route: {cluster: empty}}
- {match: {prefix: /timeout}, route: {cluster: up, timeout: 0.1s}}
- {match: {prefix: /}, route: {cluster: up}}`

const CLUSTERS = [
  cluster(
    'up',
    [],
    'metadata: {filter_metadata: {ns: {key: cluster value}}}\nload_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{metadata: {filter_metadata: {ns: {key: host value}}}, endpoint: {hostname: host.name, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
  ),
  cluster('empty', []),
]

const DEFAULT = `{name: d, typed_config: {${FILE}, path: "\${tmp}/default.log"}}`

const JSON_LOG = `{name: j, typed_config: {${FILE}, path: "\${tmp}/json.log", log_format: {json_format: {status: "%RESPONSE_CODE%", text: "code %RESPONSE_CODE%", missing: "%REQ(nope)%", zero: "%BYTES_SENT%", plain: literal, number: 5, yes: true, nested: {flags: "%RESPONSE_FLAGS%", list: ["%PROTOCOL%", 1]}, quoted: "%REQ(x-q)%", zed: z, alpha: a}}}}`

const OMIT = `{name: o, typed_config: {${FILE}, path: "\${tmp}/omit.log", log_format: {omit_empty_values: true, json_format: {status: "%RESPONSE_CODE%", missing: "%REQ(nope)%", mixed: "<%REQ(nope)%>"}}}}`

const UNSORTED = `{name: o, typed_config: {${FILE}, path: "\${tmp}/sorted.log", log_format: {json_format: {zed: 1, alpha: 2}, json_format_options: {sort_properties: true}}}}`

const OMIT_TEXT = `{name: o, typed_config: {${FILE}, path: "\${tmp}/omittext.log", log_format: {omit_empty_values: true, text_format_source: {inline_string: "<%REQ(nope)%> %RESPONSE_FLAGS%\\n"}}}}`

const filtered = (name: string, filter: string): string =>
  `{name: ${name}, filter: {${filter}}, typed_config: {${FILE}, path: "\${tmp}/f-${name}.log", log_format: {text_format_source: {inline_string: "%REQ(:PATH)%\\n"}}}}`

const FILTERS = [
  ['status', 'status_code_filter: {comparison: {op: GE, value: {default_value: 400, runtime_key: x}}}'],
  ['equal', 'status_code_filter: {comparison: {op: EQ, value: {default_value: 200, runtime_key: x}}}'],
  ['less', 'status_code_filter: {comparison: {op: LE, value: {default_value: 200, runtime_key: x}}}'],
  ['header', 'header_filter: {header: {name: x-log, present_match: true}}'],
  ['flags', 'response_flag_filter: {flags: [UH, NR]}'],
  ['anyflag', 'response_flag_filter: {}'],
  ['never', 'runtime_filter: {runtime_key: log.never, percent_sampled: {numerator: 0}}'],
  ['always', 'runtime_filter: {runtime_key: log.always, percent_sampled: {numerator: 100}}'],
  ['and', 'and_filter: {filters: [{header_filter: {header: {name: x-log}}}, {response_flag_filter: {}}]}'],
  ['or', 'or_filter: {filters: [{header_filter: {header: {name: x-log}}}, {response_flag_filter: {}}]}'],
  ['duration', 'duration_filter: {comparison: {op: GE, value: {default_value: 50, runtime_key: x}}}'],
  ['health', 'not_health_check_filter: {}'],
  ['trace', 'traceable_filter: {}'],
  ['grpc', 'grpc_status_filter: {statuses: [NOT_FOUND]}'],
  ['type', 'log_type_filter: {types: [DownstreamEnd]}'],
  ['nottype', 'log_type_filter: {types: [DownstreamEnd], exclude: true}'],
] as const

feature(
  'formats and filters',
  {
    file: import.meta.url,
    clusters: CLUSTERS,
    listeners: [
      http('main', {
        hcm: `access_log: [${DEFAULT}, ${JSON_LOG}, ${OMIT}, ${OMIT_TEXT}, ${UNSORTED}]`,
        routes: ROUTES,
      }),
      http('filters', {
        hcm: `access_log: [${FILTERS.map(([name, filter]) => filtered(name, filter)).join(', ')}]`,
        routes: ROUTES,
      }),
      http('stream', {
        hcm: 'access_log: [{name: o, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format_source: {inline_string: "out %REQ(:PATH)%\\n"}}}}, {name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog, log_format: {text_format_source: {inline_string: "err %REQ(:PATH)%\\n"}}}}]',
        routes: ROUTES,
      }),
      http('start', {
        hcm: `access_log_options: {flush_access_log_on_new_request: true}`,
        log: '%ACCESS_LOG_TYPE% %RESPONSE_CODE%\n',
        routes: ROUTES,
      }),
      http('upstreamlog', {
        router: `upstream_log: [{name: u, typed_config: {${FILE}, path: "\${tmp}/upstreamlog-attempts.log", log_format: {text_format_source: {inline_string: "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %ACCESS_LOG_TYPE%\\n"}}}}]`,
        routes: '[{match: {prefix: /}, route: {cluster: up, retry_policy: {retry_on: 5xx}}}]',
      }),
      http('reopened'),
    ],
  },
  f => {
    const read = (s: Scene, name: string): string =>
      existsSync(path.join(s.folder, name)) ? readFileSync(path.join(s.folder, name), 'latin1') : ''
    const shown = (s: Scene, name: string, lines: number): Promise<string> =>
      poll(`${lines} lines in ${name}`, () =>
        read(s, name).split('\n').length > lines ? read(s, name).trimEnd() : undefined,
      )
    f.scenario(
      'the default format, JSON, and omitted values',
      {
        sees: `
    [TIME] "GET /named?x=1 HTTP/1.1" 200 - 0 2 MS MS "1.2.3.4" ""agent"" "rid" "a" "127.0.0.1:$up"
    {"alpha":"a","missing":null,"nested":{"flags":"-","list":["HTTP/1.1",1]},"number":5,"plain":"literal","quoted":"a\\"b\\\\c","status":200,"text":"code 200","yes":true,"zed":"z","zero":2}
    {"mixed":"<>","status":200}
    <> -
    {"alpha":2,"zed":1}
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(
          get('/named?x=1', 'user-agent: "agent"', 'x-q: a"b\\c', 'x-forwarded-for: 1.2.3.4', 'x-request-id: rid'),
        )
        await client.response()
        s.note((await shown(s, 'default.log', 1)).replace(/ \d+ \d+ "/, ' MS MS "'))
        s.note(await shown(s, 'json.log', 1))
        s.note(await shown(s, 'omit.log', 1))
        s.note(await shown(s, 'omittext.log', 1))
        s.note(await shown(s, 'sorted.log', 1))
      },
    )
    f.scenario(
      'filters',
      {
        sees: `
    status: /none/unhealthy /none/marked /direct
    equal: /ok /marked /slow /grpc
    less: /ok /marked /slow /grpc
    header: /marked /none/marked
    flags: /none/unhealthy /none/marked
    anyflag: /none/unhealthy /none/marked
    never:
    always: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    and: /none/marked
    or: /marked /none/unhealthy /none/marked
    duration: /slow
    health: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    trace:
    grpc: /grpc
    type: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    nottype:
  `,
      },
      async s => {
        const ask = async (text: string): Promise<void> => {
          const client = await s.connect('filters')
          await client.send(text)
          await client.response()
          client.destroy()
        }
        await ask(get('/ok'))
        await ask(get('/marked', 'x-log: 1'))
        await ask(get('/none/unhealthy'))
        await ask(get('/none/marked', 'x-log: 1'))
        await ask(get('/direct'))
        s.upstream().script(connection => void setTimeout(() => void connection.send(OK), 80))
        await ask(get('/slow'))
        s.upstream().script(
          head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 5', 'content-length: 0'),
        )
        await ask(get('/grpc', 'content-type: application/grpc'))
        await shown(s, 'f-always.log', 7)
        await shown(s, 'f-type.log', 7)
        // Files are flushed one by one: all are there once two looks in a row are alike.
        let last = ''
        await poll('the files to settle', async () => {
          const now = FILTERS.map(([name]) => read(s, `f-${name}.log`)).join('|')
          const same = now === last
          last = now
          await new Promise(resolve => setTimeout(resolve, 60))
          return same || undefined
        })
        for (const [name] of FILTERS) s.note(`${name}: ${read(s, `f-${name}.log`).trimEnd().split('\n').join(' ')}`)
      },
    )
    f.scenario(
      'standard output and error',
      {
        sees: `
    both there
  `,
      },
      async s => {
        const client = await s.connect('stream')
        await client.send(get('/streamed'))
        await client.response()
        await s.proxy.waitFor('both lines', () =>
          s.proxy.stdout.includes('out /streamed\n') && s.proxy.stderr.includes('err /streamed\n') ? true : undefined,
        )
        s.note('both there')
      },
    )
    f.scenario(
      'a line at the start of a request',
      {
        sees: `
    log: DownstreamStart 0
    log: DownstreamEnd 403
  `,
      },
      async s => {
        const client = await s.connect('start')
        await client.send(get('/direct'))
        await client.response()
        await s.sawLog(2, 'start')
      },
    )
    f.scenario(
      'the upstream log has a line for each attempt',
      {
        sees: `
    /tried 503 - UpstreamEnd
    /tried 200 - UpstreamEnd
  `,
      },
      async s => {
        s.upstream().script(answer(503, 'x'), OK)
        const client = await s.connect('upstreamlog')
        await client.send(get('/tried'))
        await client.response()
        s.note(await shown(s, 'upstreamlog-attempts.log', 2))
      },
    )
    const reopen =
      (act: (s: Scene) => Promise<unknown>) =>
      async (s: Scene): Promise<void> => {
        const file = path.join(s.folder, 'reopened.log')
        const ask = async (): Promise<void> => {
          const client = await s.connect('reopened')
          await client.send(get('/'))
          await client.response()
          client.destroy()
        }
        await ask()
        await poll('the first line', () =>
          existsSync(file) && readFileSync(file, 'latin1').length > 0 ? true : undefined,
        )
        renameSync(file, `${file}.old`)
        await act(s)
        await poll('a new file', async () => {
          await ask()
          return existsSync(file) ? true : undefined
        })
        await poll('a line in the new file', () => (readFileSync(file, 'latin1').length > 0 ? true : undefined))
        s.note(
          `the old file kept its first line: ${readFileSync(`${file}.old`, 'latin1').includes('200 - via_upstream')}`,
        )
      }
    f.scenario(
      'SIGUSR1 reopens the file',
      {
        sees: `
    the old file kept its first line: true
  `,
      },
      reopen(async s => s.proxy.signal('SIGUSR1')),
    )
    f.scenario(
      'POST /reopen_logs reopens the file',
      {
        sees: `
    the old file kept its first line: true
  `,
      },
      reopen(s => s.proxy.admin('/reopen_logs', 'POST')),
    )
  },
)
