// gRPC access logs (envoy.access_loggers.http_grpc, envoy.access_loggers.tcp_grpc): what reaches the service for one exchange.
import { AccessLogService, part, showEntry } from '../support/access-log-service.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { cluster, http, httpFilters, httpOptions, serverTls, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const HTTP_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig'
const TCP_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig'

const COMMON = `log_name: the log
    transport_api_version: V3
    buffer_flush_interval: 0.01s
    grpc_service: {envoy_grpc: {cluster_name: als}, initial_metadata: [{key: x-more, value: of the log}]}`

function httpLog(more = '', common = ''): string {
  return `
access_log:
- name: als
  typed_config:
    "@type": ${HTTP_LOG}
    common_config:
      ${COMMON.replaceAll('\n', '\n  ')}
${common.replace(/^/gm, '      ')}
${more.replace(/^/gm, '    ')}`
}

let service: AccessLogService
const withService = {
  values: async () => {
    service = await AccessLogService.start()
    return { als: service.port }
  },
  cleanUp: async () => service.stop(),
}
const als = cluster('als', ['als'], httpOptions('explicit_http_config: {http2_protocol_options: {}}'))

async function sawEntries(s: Scene, count = 1): Promise<void> {
  for (const entry of await service.entries(count)) s.note(showEntry(entry))
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: one.example\r\n${more}\r\n`

feature(
  'HTTP',
  {
    file: import.meta.url,
    ...withService,
    listeners: [
      http('main', {
        // How long an upstream took has one digit or two.
        router: 'suppress_envoy_headers: true',
        hcm: httpLog(
          `additional_request_headers_to_log: [x-one, X-Two, x-none]
additional_response_headers_to_log: [x-answer]
additional_response_trailers_to_log: [x-last]`,
          `custom_tags:
- {tag: literal, literal: {value: text}}
- {tag: header, request_header: {name: x-one, default_value: none}}
- {tag: absent, request_header: {name: x-none, default_value: none}}
- {tag: nothing, request_header: {name: x-none}}
- {tag: env, environment: {name: NUNCIO_TEST_NO_SUCH, default_value: from the environment}}
- {tag: meta, metadata: {kind: {route: {}}, metadata_key: {key: route.space, path: [{key: word}]}}}`,
        ),
        routes: `
- {match: {path: /direct}, name: straight, direct_response: {status: 202, body: {inline_string: hello}}}
- {match: {path: /nowhere}, route: {cluster_header: x-one}}
- {match: {path: /refused}, route: {cluster: refusing}}
- {match: {path: /rewritten}, route: {cluster: up, prefix_rewrite: /other}, name: other, metadata: {filter_metadata: {route.space: {word: told}}}}
- {match: {prefix: /up}, route: {cluster: up}}`,
      }),
      http('h1-limits', { hcm: `${httpLog()}\nrequest_headers_timeout: 0.05s\nuse_remote_address: true` }),
    ],
    clusters: [cluster('up'), als, cluster('refusing', ['nobody'])],
    values: async () => ({ ...(await withService.values()), nobody: 1 }),
    more: 'node: {id: here, cluster: there, metadata: {role: proxy}, locality: {zone: a}}',
  },
  f => {
    f.scenario(
      'the first message tells who and what',
      {
        sees: `
      log_name: the log
      {"id":"here","cluster":"there","metadata":{"fields":{"role":{"stringValue":"proxy"}}},"locality":{"zone":"a"}}
      x-more: of the log
      told again: false
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/direct'))
        await client.response()
        await service.entries(1)
        const { identifier } = service.batches[0] ?? {}
        const node = identifier?.node
        s.note(`log_name: ${identifier?.log_name}`)
        s.note(
          JSON.stringify({ id: node?.id, cluster: node?.cluster, metadata: node?.metadata, locality: node?.locality }),
        )
        s.note(`x-more: ${service.metadata[0]?.get('x-more').join()}`)
        await client.send(get('/direct'))
        await client.response(2)
        await service.entries(1)
        s.note(`told again: ${service.batches.slice(1).some(batch => batch.identifier != null)}`)
      },
    )

    f.scenario(
      'an exchange with an upstream',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "1.2.3.4",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$main"
         }
        },
        "start_time": "TIME",
        "time_to_last_rx_byte": "TIME",
        "time_to_first_upstream_tx_byte": "TIME",
        "time_to_last_upstream_tx_byte": "TIME",
        "time_to_first_upstream_rx_byte": "TIME",
        "time_to_last_upstream_rx_byte": "TIME",
        "time_to_first_downstream_tx_byte": "TIME",
        "time_to_last_downstream_tx_byte": "TIME",
        "upstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$up"
         }
        },
        "upstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "upstream_cluster": "up",
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "custom_tags": {
         "absent": "none",
         "env": "from the environment",
         "header": "1",
         "literal": "text"
        },
        "duration": "TIME",
        "upstream_request_attempt_count": 1,
        "stream_id": "UUID",
        "downstream_wire_bytes_sent": 109,
        "downstream_wire_bytes_received": 206,
        "upstream_wire_bytes_sent": 231,
        "upstream_wire_bytes_received": 57,
        "access_log_type": "DownstreamEnd"
       },
       "protocol_version": "HTTP11",
       "request": {
        "request_method": "POST",
        "scheme": "http",
        "authority": "one.example",
        "path": "/up?a=b",
        "user_agent": "me",
        "referer": "there",
        "forwarded_for": "1.2.3.4",
        "request_id": "UUID",
        "request_headers_bytes": 203,
        "request_body_bytes": 3,
        "request_headers": {
         "x-one": "1",
         "x-two": "a,b"
        },
        "upstream_header_bytes_sent": 203,
        "downstream_header_bytes_received": 169
       },
       "response": {
        "response_code": {
         "value": 200
        },
        "response_headers_bytes": 80,
        "response_body_bytes": 4,
        "response_headers": {
         "x-answer": "yes"
        },
        "response_code_details": "via_upstream",
        "upstream_header_bytes_received": 32,
        "downstream_header_bytes_sent": 86
       }
      }
    `,
      },
      async s => {
        s.upstream().script('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-answer: yes\r\n\r\nbody')
        const client = await s.connect()
        await client.send(
          'POST /up?a=b HTTP/1.1\r\nHost: one.example\r\nUser-Agent: me\r\nReferer: there\r\nX-Forwarded-For: 1.2.3.4\r\nX-One: 1\r\nX-Two: a\r\nX-Two: b\r\nX-Request-Id: 11111111-2222-4333-8444-555555555555\r\nContent-Length: 3\r\n\r\nabc',
        )
        await client.response()
        await sawEntries(s)
      },
    )

    f.scenario(
      'a rewritten path',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$main"
         }
        },
        "start_time": "TIME",
        "time_to_last_rx_byte": "TIME",
        "time_to_first_upstream_tx_byte": "TIME",
        "time_to_last_upstream_tx_byte": "TIME",
        "time_to_first_upstream_rx_byte": "TIME",
        "time_to_last_upstream_rx_byte": "TIME",
        "time_to_first_downstream_tx_byte": "TIME",
        "time_to_last_downstream_tx_byte": "TIME",
        "upstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$up"
         }
        },
        "upstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "upstream_cluster": "up",
        "route_name": "other",
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "custom_tags": {
         "absent": "none",
         "env": "from the environment",
         "header": "none",
         "literal": "text",
         "meta": "told"
        },
        "duration": "TIME",
        "upstream_request_attempt_count": 1,
        "stream_id": "UUID",
        "downstream_wire_bytes_sent": 92,
        "downstream_wire_bytes_received": 98,
        "upstream_wire_bytes_sent": 119,
        "upstream_wire_bytes_received": 40,
        "access_log_type": "DownstreamEnd"
       },
       "protocol_version": "HTTP11",
       "request": {
        "request_method": "GET",
        "scheme": "http",
        "authority": "one.example",
        "path": "/other",
        "request_id": "UUID",
        "request_headers_bytes": 122,
        "upstream_header_bytes_sent": 96,
        "downstream_header_bytes_received": 69
       },
       "response": {
        "response_code": {
         "value": 200
        },
        "response_headers_bytes": 69,
        "response_body_bytes": 2,
        "response_code_details": "via_upstream",
        "upstream_header_bytes_received": 18,
        "downstream_header_bytes_sent": 71
       }
      }
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/rewritten', 'x-request-id: 11111111-2222-4333-8444-555555555555\r\n'))
        await client.response()
        await sawEntries(s)
      },
    )

    f.scenario(
      'a direct response',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$main"
         }
        },
        "start_time": "TIME",
        "time_to_last_rx_byte": "TIME",
        "time_to_first_downstream_tx_byte": "TIME",
        "time_to_last_downstream_tx_byte": "TIME",
        "route_name": "straight",
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "custom_tags": {
         "absent": "none",
         "env": "from the environment",
         "header": "none",
         "literal": "text"
        },
        "duration": "TIME",
        "stream_id": "UUID",
        "downstream_wire_bytes_sent": 127,
        "downstream_wire_bytes_received": 95,
        "access_log_type": "DownstreamEnd"
       },
       "protocol_version": "HTTP11",
       "request": {
        "request_method": "GET",
        "scheme": "http",
        "authority": "one.example",
        "path": "/direct",
        "request_id": "UUID",
        "request_headers_bytes": 123,
        "downstream_header_bytes_received": 69
       },
       "response": {
        "response_code": {
         "value": 202
        },
        "response_headers_bytes": 91,
        "response_body_bytes": 5,
        "response_code_details": "direct_response",
        "downstream_header_bytes_sent": 97
       }
      }
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/direct', 'x-request-id: 11111111-2222-4333-8444-555555555555\r\n'))
        await client.response()
        await sawEntries(s)
      },
    )

    f.scenario(
      'response flags',
      {
        sees: `
      /none {"no_route_found":true} {"response_code":{"value":404},"response_headers_bytes":54,"response_code_details":"route_not_found","downstream_header_bytes_sent":71} undefined
      /nowhere {"no_cluster_found":true} {"response_code":{"value":503},"response_headers_bytes":54,"response_code_details":"cluster_not_found","downstream_header_bytes_sent":71} undefined
      /refused {"upstream_connection_failure":true} {"response_code":{"value":503},"response_headers_bytes":92,"response_body_bytes":98,"response_code_details":"upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}","downstream_header_bytes_sent":98} delayed connect error: Connection refused
    `,
      },
      async s => {
        const client = await s.connect()
        for (const [index, path] of ['/none', '/nowhere', '/refused'].entries()) {
          await client.send(get(path, path === '/nowhere' ? 'x-one: no\r\n' : ''))
          await client.response(index + 1)
          const [entry] = await service.entries(1)
          const common = part(entry, 'common_properties')
          s.note(
            `${path} ${JSON.stringify(common.response_flags)} ${JSON.stringify(entry?.response)} ${String(common.upstream_transport_failure_reason)}`,
          )
        }
      },
    )

    f.scenario(
      'a request that cannot be read',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$main"
         }
        },
        "start_time": "TIME",
        "time_to_first_downstream_tx_byte": "TIME",
        "time_to_last_downstream_tx_byte": "TIME",
        "response_flags": {
         "downstream_protocol_error": true
        },
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "custom_tags": {
         "absent": "none",
         "env": "from the environment",
         "header": "none",
         "literal": "text"
        },
        "duration": "TIME",
        "downstream_wire_bytes_sent": 156,
        "downstream_wire_bytes_received": 39,
        "access_log_type": "DownstreamEnd"
       },
       "protocol_version": "HTTP11",
       "request": {},
       "response": {
        "response_code": {
         "value": 400
        },
        "response_headers_bytes": 107,
        "response_body_bytes": 11,
        "response_code_details": "http1.codec_error",
        "downstream_header_bytes_sent": 117
       }
      }
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send('GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n')
        await client.closed()
        await sawEntries(s)
      },
    )

    f.scenario(
      'methods',
      {
        sees: `
      HEAD HEAD
      PUT PUT
      DELETE DELETE
      OPTIONS OPTIONS
      TRACE TRACE
      PATCH PATCH
      GET GET
      PROPFIND undefined
    `,
      },
      async s => {
        for (const method of ['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'GET', 'PROPFIND']) {
          const client = await s.connect()
          await client.send(`${method} /direct HTTP/1.1\r\nHost: a\r\n\r\n`)
          await client.response()
          const [entry] = await service.entries(1)
          s.note(`${method} ${String(part(entry, 'request').request_method)}`)
        }
      },
    )

    f.scenario(
      'statistics',
      {
        sees: `
      stat: access_logs.grpc_access_log.grpc_entries_flushed +1
      stat: access_logs.grpc_access_log.logs_written +1
    `,
      },
      async s => {
        await s.statsOf(/^access_logs/, async () => {
          const client = await s.connect()
          await client.send(get('/direct'))
          await client.response()
          await service.entries(1)
        })
      },
    )

    f.scenario(
      'a service that ends its streams gets a new one, which tells again',
      {
        sees: `
      log_name: the log
    `,
      },
      async s => {
        const before = service.metadata.length
        service.endStreams()
        // What is sent before the end was noticed is lost: so until a stream comes.
        const deadline = Date.now() + 4000
        while (service.metadata.length === before && Date.now() < deadline) {
          const client = await s.connect()
          await client.send(get('/direct'))
          await client.response()
          await new Promise(resolve => setTimeout(resolve, 20))
        }
        const batch = await service.waitFor('its first batch', () => service.batches.find(each => each.stream > before))
        s.note(`log_name: ${batch.identifier?.log_name}`)
      },
    )
  },
)

feature(
  'metadata and filter state',
  {
    file: import.meta.url,
    ...withService,
    listeners: [
      http('main', {
        hcm: `${httpLog('', 'filter_state_objects_to_log: [one, other]')}
${httpFilters([
  'meta',
  'envoy.extensions.filters.http.set_metadata.v3.Config',
  `metadata:
- metadata_namespace: a.space
  value: {text: t, number: 1.5, truth: true, nothing: null, list: [1, {deep: x}], struct: {key: value}}`,
])}`,
        routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
      }),
    ],
    clusters: [cluster('up'), als],
  },
  f => {
    f.scenario(
      'what filters wrote',
      {
        sees: `
      {
       "metadata": {
        "filter_metadata": {
         "a.space": {
          "fields": {
           "list": {
            "listValue": {
             "values": [
              {
               "numberValue": 1
              },
              {
               "structValue": {
                "fields": {
                 "deep": {
                  "stringValue": "x"
                 }
                }
               }
              }
             ]
            }
           },
           "nothing": {
            "nullValue": "NULL_VALUE"
           },
           "number": {
            "stringValue": "1.5"
           },
           "struct": {
            "structValue": {
             "fields": {
              "key": {
               "stringValue": "value"
              }
             }
            }
           },
           "text": {
            "stringValue": "t"
           },
           "truth": {
            "boolValue": true
           }
          }
         }
        }
       }
      }
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/'))
        await client.response()
        const [entry] = await service.entries(1)
        const { metadata, filter_state_objects: state } = part(entry, 'common_properties')
        s.note(showEntry({ metadata, state }))
      },
    )
  },
)

feature(
  'TCP',
  {
    file: import.meta.url,
    ...withService,
    listeners: [
      tcp(
        'main',
        `cluster: up
access_log:
- name: als
  typed_config:
    "@type": ${TCP_LOG}
    common_config:
      ${COMMON.replaceAll('\n', '\n  ')}`,
      ),
      tcp(
        'nowhere',
        `cluster: refusing
access_log:
- name: als
  typed_config:
    "@type": ${TCP_LOG}
    common_config:
      ${COMMON.replaceAll('\n', '\n  ')}`,
      ),
    ],
    clusters: [cluster('up'), als, cluster('refusing', ['nobody'])],
    values: async () => ({ ...(await withService.values()), nobody: 1 }),
  },
  f => {
    f.scenario(
      'a connection',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$main"
         }
        },
        "start_time": "TIME",
        "upstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$up"
         }
        },
        "upstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "upstream_cluster": "up",
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "duration": "TIME",
        "upstream_request_attempt_count": 1,
        "stream_id": "UUID",
        "downstream_wire_bytes_sent": 40,
        "downstream_wire_bytes_received": 37,
        "upstream_wire_bytes_sent": 37,
        "upstream_wire_bytes_received": 40,
        "access_log_type": "TcpConnectionEnd"
       },
       "connection_properties": {
        "received_bytes": 37,
        "sent_bytes": 40
       }
      }
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/'))
        await client.response()
        client.end()
        await sawEntries(s)
      },
    )

    f.scenario(
      'a refused one',
      {
        sees: `
      {
       "common_properties": {
        "downstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "downstream_local_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$nowhere"
         }
        },
        "start_time": "TIME",
        "upstream_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "$nobody"
         }
        },
        "upstream_cluster": "refusing",
        "response_flags": {
         "upstream_connection_failure": true,
         "upstream_retry_limit_exceeded": true
        },
        "upstream_transport_failure_reason": "delayed connect error: Connection refused",
        "downstream_direct_remote_address": {
         "socket_address": {
          "address": "127.0.0.1",
          "port_value": "PORT"
         }
        },
        "duration": "TIME",
        "upstream_request_attempt_count": 1,
        "stream_id": "UUID",
        "access_log_type": "TcpConnectionEnd"
       },
       "connection_properties": {}
      }
    `,
      },
      async s => {
        const client = await s.connect('nowhere')
        await client.closed()
        await sawEntries(s)
      },
    )
  },
)

const ca = Certificate.authority()
const server = ca.issue({ subject: 'CN=server,O=ours', sans: ['DNS:a.example', 'URI:spiffe://a/server'] })
const peer = ca.issue({ subject: 'CN=peer,O=theirs', sans: ['URI:spiffe://a/peer', 'DNS:peer.example'] })

feature(
  'TLS',
  {
    file: import.meta.url,
    values: async tmp => {
      writeFiles(tmp, { ca, server })
      return withService.values()
    },
    cleanUp: withService.cleanUp,
    listeners: [
      http('main', {
        hcm: httpLog(),
        routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
        chain: serverTls('server', 'validation_context: {trusted_ca: {filename: "${tmp}/ca.pem"}}'),
        listener:
          'listener_filters: [{name: i, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector, enable_ja3_fingerprinting: true}}]',
      }),
    ],
    clusters: [cluster('up'), als],
  },
  f => {
    const handshake = async (s: Scene, version: 'TLSv1.2' | 'TLSv1.3'): Promise<void> => {
      const client = await s.connectTls({
        servername: 'a.example',
        minVersion: version,
        maxVersion: version,
        key: peer.key,
        cert: peer.chain,
        ...(version === 'TLSv1.2' && { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
      })
      await client.send(get('/'))
      await client.response()
      const [entry] = await service.entries(1)
      const facts: Record<string, unknown> = { ...part(part(entry, 'common_properties'), 'tls_properties') }
      // Of each session, and of the client's OpenSSL.
      if (facts.tls_session_id !== undefined) facts.tls_session_id = 'SESSION'
      if (facts.ja3_fingerprint !== undefined) facts.ja3_fingerprint = 'JA3'
      s.note(showEntry(facts))
    }

    f.scenario(
      'TLS 1.2 with the certificate of a client',
      {
        sees: `
      {
       "tls_version": "TLSv1_2",
       "tls_cipher_suite": {
        "value": 49195
       },
       "tls_sni_hostname": "a.example",
       "local_certificate_properties": {
        "subject_alt_name": [
         {
          "uri": "spiffe://a/server"
         }
        ],
        "subject": "O=ours,CN=server"
       },
       "peer_certificate_properties": {
        "subject_alt_name": [
         {
          "uri": "spiffe://a/peer"
         }
        ],
        "subject": "O=theirs,CN=peer",
        "issuer": "O=Nuncio,CN=Test CA"
       },
       "ja3_fingerprint": "JA3"
      }
    `,
      },
      s => handshake(s, 'TLSv1.2'),
    )

    f.scenario(
      'TLS 1.3 with the certificate of a client',
      {
        sees: `
      {
       "tls_version": "TLSv1_3",
       "tls_cipher_suite": {
        "value": 4866
       },
       "tls_sni_hostname": "a.example",
       "local_certificate_properties": {
        "subject_alt_name": [
         {
          "uri": "spiffe://a/server"
         }
        ],
        "subject": "O=ours,CN=server"
       },
       "peer_certificate_properties": {
        "subject_alt_name": [
         {
          "uri": "spiffe://a/peer"
         }
        ],
        "subject": "O=theirs,CN=peer",
        "issuer": "O=Nuncio,CN=Test CA"
       },
       "ja3_fingerprint": "JA3"
      }
    `,
      },
      s => handshake(s, 'TLSv1.3'),
    )
  },
)
