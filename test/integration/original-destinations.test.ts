// ORIGINAL_DST clusters: a request's destination is its host, named by a header or by what a listener filter restored.
import { answer, get } from '../support/bytes.js'
import { http, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const original = (name: string, config: string) => ({
  name,
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  connect_timeout: '1s',
  original_dst_lb_config: JSON.parse(config),
})
const restoring = `{listener_filters: [{name: original, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst}}]}`
const proxied = `{listener_filters: [{name: proxy, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}]}`
const log = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST%\n'
const routes =
  '[{match: {prefix: /named}, route: {cluster: named}}, {match: {prefix: /moved}, route: {cluster: moved}}, {match: {prefix: /}, route: {cluster: plain}}]'
const counted = /^cluster\.[a-z]+\.(original_dst_host_invalid|upstream_cx_none_healthy|upstream_cx_total)$/

/** A request by this path with these lines; what came, and who was connected to. */
async function asks(s: Scene, path: string, line: string, first = '', listener = 'main'): Promise<void> {
  s.upstream().script(answer(200, 'found'))
  const c = await s.connect(listener)
  await s.statsOf(counted, async () => {
    await c.send(first + get(path, ...(line === '' ? [] : [line])))
    const response = await c.response()
    s.note(`${response.startLine} ${response.body.toString()}`)
  })
  await s.sawLog(1, listener)
  c.end()
}

feature(
  'original destinations',
  {
    file: import.meta.url,
    clusters: [
      original('plain', '{"use_http_header": true}'),
      original('named', '{"use_http_header": true, "http_header_name": "X-Where"}'),
      original('moved', '{"use_http_header": true, "upstream_port_override": 1}'),
    ],
    listeners: [
      http('main', { routes, log, listener: restoring }),
      http('proxied', { routes, log, listener: proxied }),
      tcp('tcp', 'cluster: plain', proxied),
    ],
  },
  f => {
    const up = (s: Scene): string => `127.0.0.1:${s.value('up')}`
    f.scenario(
      'by the default header',
      {
        sees: `
      HTTP/1.1 200 OK found
      stat: cluster.plain.upstream_cx_total +1
      log: 200 - via_upstream 127.0.0.1:$up
    `,
      },
      s => asks(s, '/', `x-envoy-original-dst-host: ${up(s)}`),
    )
    f.scenario(
      'by a header of another name',
      {
        sees: `
      HTTP/1.1 200 OK found
      stat: cluster.named.upstream_cx_total +1
      log: 200 - via_upstream 127.0.0.1:$up
    `,
      },
      s => asks(s, '/named', `x-where: ${up(s)}`),
    )
    f.scenario(
      'a header that the cluster does not look at',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable no healthy upstream
      stat: cluster.named.upstream_cx_none_healthy +1
      log: 503 UH no_healthy_upstream -
    `,
      },
      s => asks(s, '/named', `x-envoy-original-dst-host: ${up(s)}`),
    )
    f.scenario(
      'a header that is no address',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable no healthy upstream
      stat: cluster.plain.original_dst_host_invalid +1
      stat: cluster.plain.upstream_cx_none_healthy +1
      log: 503 UH no_healthy_upstream -
    `,
      },
      s => asks(s, '/', 'x-envoy-original-dst-host: upstream'),
    )
    f.scenario(
      'a name with a port',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable no healthy upstream
      stat: cluster.plain.original_dst_host_invalid +1
      stat: cluster.plain.upstream_cx_none_healthy +1
      log: 503 UH no_healthy_upstream -
    `,
      },
      s => asks(s, '/', 'x-envoy-original-dst-host: localhost:80'),
    )
    f.scenario(
      'no header, and nothing was redirected',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable no healthy upstream
      stat: cluster.plain.upstream_cx_none_healthy +1
      log: 503 UH no_healthy_upstream -
    `,
      },
      s => asks(s, '/', ''),
    )
    f.scenario(
      'another port',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
      stat: cluster.moved.upstream_cx_total +1
      log: 503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} 127.0.0.1:1
    `,
      },
      s => asks(s, '/moved', `x-envoy-original-dst-host: ${up(s)}`),
    )
    f.scenario(
      'what a PROXY header said',
      {
        sees: `
      HTTP/1.1 200 OK found
      stat: none changed
      log: 200 - via_upstream 127.0.0.1:$up
    `,
      },
      s => asks(s, '/', '', `PROXY TCP4 10.0.0.1 127.0.0.1 1234 ${s.value('up')}\r\n`, 'proxied'),
    )
    f.scenario(
      'what a PROXY header said, by TCP',
      {
        sees: `
      the upstream got ping
      log: - in=4 out=0
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect('tcp')
        await c.send(`PROXY TCP4 10.0.0.1 127.0.0.1 1234 ${s.value('up')}\r\nping`)
        const upstream = await s.upstream().nextConnection()
        await upstream.waitFor('ping', () => (upstream.received.toString() === 'ping' ? true : undefined))
        s.note('the upstream got ping')
        c.end()
        await s.sawLog(1, 'tcp')
      },
    )
  },
)
