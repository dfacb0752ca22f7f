// The jobs: what a proxy is told to do, in the language of each. One table says what differs between
// them, the templates in bench/load/ hold the rest, so that two jobs differ in nothing else.

import { join } from 'node:path'
import { kRouteTables } from './routes.mjs'

/** @typedef {"http" | "routes" | "tcp" | "h2-h1" | "h2-h2" | "tls" | "tls-rsa" | "xds"} Job */
/** What is spoken on a side; "h2" is HTTP/2 in clear text, known beforehand. @typedef {"h1" | "h2" | "tls"} Protocol */
/**
 * @typedef {object} JobFacts
 * @property {"http" | "tcp" | "xds"} template   of bench/load/
 * @property {Protocol} down             what clients speak
 * @property {"h1" | "h2"} up            what the origin is spoken to
 * @property {"one" | "many"} routes
 * @property {"ecdsa" | "rsa"} [key]     of the certificate
 */

/** @type {Record<Job, JobFacts>} */
export const kJobs = {
  http: { template: 'http', down: 'h1', up: 'h1', routes: 'one' },
  routes: { template: 'http', down: 'h1', up: 'h1', routes: 'many' },
  tcp: { template: 'tcp', down: 'h1', up: 'h1', routes: 'one' },
  'h2-h1': { template: 'http', down: 'h2', up: 'h1', routes: 'one' },
  'h2-h2': { template: 'http', down: 'h2', up: 'h2', routes: 'one' },
  xds: { template: 'xds', down: 'h1', up: 'h1', routes: 'one' },
  tls: { template: 'http', down: 'tls', up: 'h1', routes: 'one', key: 'ecdsa' },
  'tls-rsa': { template: 'http', down: 'tls', up: 'h1', routes: 'one', key: 'rsa' },
}

// What all four agree on with a client of OpenSSL: for TLS 1.3 they follow its order. Another cipher
// would be another job.
export const kCipher = 'TLS_AES_256_GCM_SHA384'

/** @typedef {{ certificates: string, folder: string }} Places  of the certificates, and of this server's files */

/** @param {JobFacts} facts @param {Places} places */
function certificateFiles(facts, places) {
  const base = join(places.certificates, facts.key ?? 'ecdsa')
  return { certificate: `${base}.crt`, key: `${base}.key`, both: `${base}.pem` }
}

/** What fills the templates of each language beside ports and paths. @type {Record<string, (facts: JobFacts, places: Places) => Record<string, string>>} */
export const kJobValues = {
  nginx: (facts, places) => {
    const { certificate, key } = certificateFiles(facts, places)
    const tls = [
      `ssl_certificate ${certificate};`,
      `ssl_certificate_key ${key};`,
      'ssl_protocols TLSv1.2 TLSv1.3;',
      'ssl_session_cache shared:tls:10m;',
    ]
    // nginx speaks HTTP/2 to an origin by its gRPC module alone, one request at a time on a connection.
    const pass = facts.up === 'h2' ? 'grpc_pass grpc://origin' : 'proxy_pass http://origin'
    return {
      listen: { h1: '', h2: ' http2', tls: ' ssl' }[facts.down],
      tls: facts.down === 'tls' ? tls.join('\n    ') : '',
      routes: kRouteTables[facts.routes].nginx?.(places.folder, pass) ?? '',
    }
  },
  haproxy: (facts, places) => ({
    bind: {
      h1: '',
      h2: ' proto h2',
      tls: ` ssl crt ${certificateFiles(facts, places).both}`,
    }[facts.down],
    scheme: facts.down === 'tls' ? 'https' : 'http',
    server: facts.up === 'h2' ? ' proto h2' : '',
    routes: kRouteTables[facts.routes].haproxy?.(places.folder, '') ?? '',
  }),
  envoy: (facts, places) => ({
    codec: facts.down === 'h2' ? 'HTTP2' : 'AUTO',
    transport_socket: facts.down === 'tls' ? downstreamTls(certificateFiles(facts, places)) : '',
    upstream_protocol: facts.up === 'h2' ? kUpstreamH2 : '',
    routes: kRouteTables[facts.routes].envoy?.(places.folder, '') ?? '',
  }),
}

/** @param {{ certificate: string, key: string }} files */
function downstreamTls({ certificate, key }) {
  const context = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }],
    },
  }
  return `transport_socket: ${JSON.stringify({ name: 'envoy.transport_sockets.tls', typed_config: context })}`
}

const kUpstreamH2 = `typed_extension_protocol_options: ${JSON.stringify({
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
})}`

/** @param {number} index */
export const filterName = index => `one-header-${index}`

/**
 * Filters that read one header and set one, in each proxy's own language, as items of `http_filters`.
 * @param {string} peer @param {{ count: number, objects?: number }} filters @param {string} folder of bench/load
 */
export function filterItems(peer, { count, objects = 0 }, folder) {
  const items = Array.from({ length: count }, (_, i) => ({
    name: filterName(i),
    typed_config:
      peer === 'nuncio'
        ? {
            '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
            module: join(folder, 'filter.ts'),
            config: { name: `x-bench-${i}`, objects },
          }
        : {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
            default_source_code: {
              inline_string: `function envoy_on_request(handle)
  handle:headers():replace("x-bench-${i}", handle:headers():get("x-request-id") or "")
end`,
            },
          },
  }))
  return items.map(item => `- ${JSON.stringify(item)}`).join('\n                  ')
}
