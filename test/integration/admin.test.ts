// The admin port: its endpoints, their text and JSON shapes, and what they do.
import { get } from '../support/bytes.js'
import { cluster, http, tcp } from '../support/config.js'
import type { AdminAnswer } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const show = (answer: AdminAnswer): string => {
  const names = answer.rawHeaders.filter((_, index) => index % 2 === 0)
  const lines = names.map((name, index) => `${name}: ${answer.rawHeaders[index * 2 + 1]}`)
  return `${answer.status}\n${lines.join('\n')}\n\n${answer.body}`
}

/** The skeleton of a JSON value: keys, and the kinds of their values. */
const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item)]))
  return typeof value
}

/** JSON whose key order Envoy leaves to chance, in one order. */
const sorted = (text: string): string => {
  const order = (value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, order(item)]),
        )
      : value
  return JSON.stringify(order(JSON.parse(text)))
}

const _names = (body: string): string[] =>
  body
    .split('\n')
    .map(line => line.split(': ')[0] ?? '')
    .filter(name => name !== '')

/** The list of /help in our own words; paths, parameters and choices are Envoy's. */
const OUR_HELP = `
    admin commands are:
      /: this list as a page
      /allocprofiler (POST): allocation profiler (not available)
          enable: start or stop it; One of (y, n)
      /certs: certificates in use
      /clusters: clusters and their hosts
          filter: only clusters whose name this regular expression matches
      /config_dump: the configuration in use
          resource: only the elements of this repeated field of the dump, for example static_clusters
          mask: only these fields (paths with dots, separated by commas); with \`resource\` of each element
          name_regex: only resources whose whole name this regular expression matches
          include_eds: endpoints too
      /contention: contended locks (not traced here)
      /cpuprofiler (POST): CPU profiler of the main thread
          enable: start it, or stop it and write the profile to profile_path; One of (y, n)
      /drain_listeners (POST): drain the listeners
          graceful: tell connections to go during the drain time (--drain-time-s) before listeners are closed
          skip_exit: only tell connections to go; listeners stay open
          inboundonly: only listeners whose traffic_direction is INBOUND
      /healthcheck/fail (POST): answer health checks as failed from now on
      /healthcheck/ok (POST): take /healthcheck/fail back
      /heap_dump: heap snapshot of the main thread
      /heapprofiler (POST): heap profiler (not available; see /heap_dump)
          enable: start or stop it; One of (y, n)
      /help: this list as text
      /hot_restart_version: version of the hot-restart protocol
      /init_dump: what the server still waits for before it is ready
          mask: only this component, for example \`listener\`
      /listeners: listeners and their addresses
          format: output format; One of (text, json)
      /logging (POST): show or change log levels
          paths: levels of several loggers: <name>:<level>,<name>:<level>...
          group: level of a group of loggers: <name>:<level>
          level: level of all loggers; One of (, trace, debug, info, warning, error, critical, off)
      /memory: memory in use
      /memory/tcmalloc: statistics of TCMalloc (not used here)
      /peak_heap_dump: heap at its largest (not available)
      /quitquitquit (POST): end the process
      /ready: state of the server: 200 when it is LIVE, else 503
      /reopen_logs (POST): open the access-log files anew
      /reset_counters (POST): set all counters to zero
      /runtime: runtime values, layer by layer
      /runtime_modify (POST): set runtime values in the admin layer (?key1=value1&key2=value2...); an empty value takes an earlier one away
      /server_info: version, state and options of the server
      /stats: statistics
          usedonly: only what was written since the start
          filter: only names that this regular expression matches
          invert_filter: only names that the filter does not match
          format: output format; One of (html, active-html, text, json)
          type: kinds to print; One of (All, Counters, Histograms, Gauges, TextReadouts)
          histogram_buckets: how histograms are printed; One of (cumulative, disjoint, detailed, summary)
      /stats/prometheus: statistics for Prometheus
          usedonly: only what was written since the start
          text_readouts: text readouts too, as gauges of value 0 with the text as a label
          filter: only names that this regular expression matches
          invert_filter: only names that the filter does not match
          histogram_buckets: how histograms are printed; One of (cumulative, summary)
      /stats/recentlookups: stat names looked up lately
      /stats/recentlookups/clear (POST): forget the recorded names
      /stats/recentlookups/disable (POST): stop recording names
      /stats/recentlookups/enable (POST): start recording names
`

feature(
  'answers',
  {
    file: import.meta.url,
    clusters: [
      cluster('up', ['up'], 'circuit_breakers: {thresholds: [{priority: HIGH, max_connections: 7}]}'),
      cluster(
        'named',
        [],
        'alt_stat_name: other\nload_assignment: {cluster_name: named, endpoints: [{locality: {region: r, zone: z, sub_zone: s}, priority: 0, lb_endpoints: [{load_balancing_weight: 5, endpoint: {hostname: h.example, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
      ),
    ],
    listeners: [http('main'), tcp('tcp', 'cluster: up')],
    args: ['--service-cluster', 'sc', '--service-node', 'sn', '--service-zone', 'zone'],
    more: 'layered_runtime: {layers: [{name: base, static_layer: {a.b: 5, c: text, d: true, e: 1.5}}, {name: admin, admin_layer: {}}]}',
  },
  f => {
    const fetch =
      (path: string, method = 'GET') =>
      async (s: Scene): Promise<void> =>
        s.note(show(await s.proxy.admin(path, method)))
    const body =
      (path: string, method = 'GET') =>
      async (s: Scene): Promise<void> =>
        s.note((await s.proxy.admin(path, method)).body)
    f.scenario(
      '/ready',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    LIVE

  `,
      },
      fetch('/ready'),
    )
    f.scenario(
      '/listeners',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    main::127.0.0.1:$main
    tcp::127.0.0.1:$tcp

  `,
      },
      fetch('/listeners'),
    )
    f.scenario(
      '/listeners as JSON',
      {
        sees: `
    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {
     "listener_statuses": [
      {
       "name": "main",
       "local_address": {
        "socket_address": {
         "address": "127.0.0.1",
         "port_value": "$main"
        }
       }
      },
      {
       "name": "tcp",
       "local_address": {
        "socket_address": {
         "address": "127.0.0.1",
         "port_value": "$tcp"
        }
       }
      }
     ]
    }

  `,
      },
      fetch('/listeners?format=json'),
    )
    f.scenario(
      '/clusters',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    named::observability_name::other
    named::default_priority::max_connections::1024
    named::default_priority::max_pending_requests::1024
    named::default_priority::max_requests::1024
    named::default_priority::max_retries::3
    named::high_priority::max_connections::1024
    named::high_priority::max_pending_requests::1024
    named::high_priority::max_requests::1024
    named::high_priority::max_retries::3
    named::added_via_api::false
    named::127.0.0.1:$up::cx_active::0
    named::127.0.0.1:$up::cx_connect_fail::0
    named::127.0.0.1:$up::cx_total::0
    named::127.0.0.1:$up::rq_active::0
    named::127.0.0.1:$up::rq_error::0
    named::127.0.0.1:$up::rq_pending_active::0
    named::127.0.0.1:$up::rq_success::0
    named::127.0.0.1:$up::rq_timeout::0
    named::127.0.0.1:$up::rq_total::0
    named::127.0.0.1:$up::hostname::h.example
    named::127.0.0.1:$up::health_flags::healthy
    named::127.0.0.1:$up::weight::5
    named::127.0.0.1:$up::region::r
    named::127.0.0.1:$up::zone::z
    named::127.0.0.1:$up::sub_zone::s
    named::127.0.0.1:$up::canary::false
    named::127.0.0.1:$up::priority::0
    named::127.0.0.1:$up::success_rate::-1
    named::127.0.0.1:$up::local_origin_success_rate::-1
    up::observability_name::up
    up::default_priority::max_connections::1024
    up::default_priority::max_pending_requests::1024
    up::default_priority::max_requests::1024
    up::default_priority::max_retries::3
    up::high_priority::max_connections::7
    up::high_priority::max_pending_requests::1024
    up::high_priority::max_requests::1024
    up::high_priority::max_retries::3
    up::added_via_api::false
    up::127.0.0.1:$up::cx_active::0
    up::127.0.0.1:$up::cx_connect_fail::0
    up::127.0.0.1:$up::cx_total::0
    up::127.0.0.1:$up::rq_active::0
    up::127.0.0.1:$up::rq_error::0
    up::127.0.0.1:$up::rq_pending_active::0
    up::127.0.0.1:$up::rq_success::0
    up::127.0.0.1:$up::rq_timeout::0
    up::127.0.0.1:$up::rq_total::0
    up::127.0.0.1:$up::hostname::
    up::127.0.0.1:$up::health_flags::healthy
    up::127.0.0.1:$up::weight::1
    up::127.0.0.1:$up::region::
    up::127.0.0.1:$up::zone::
    up::127.0.0.1:$up::sub_zone::
    up::127.0.0.1:$up::canary::false
    up::127.0.0.1:$up::priority::0
    up::127.0.0.1:$up::success_rate::-1
    up::127.0.0.1:$up::local_origin_success_rate::-1

  `,
      },
      fetch('/clusters'),
    )
    f.scenario(
      '/clusters as JSON',
      {
        sees: `
    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {
     "cluster_statuses": [
      {
       "name": "named",
       "host_statuses": [
        {
         "address": {
          "socket_address": {
           "address": "127.0.0.1",
           "port_value": "$up"
          }
         },
         "stats": [
          {
           "name": "cx_connect_fail"
          },
          {
           "name": "cx_total"
          },
          {
           "name": "rq_error"
          },
          {
           "name": "rq_success"
          },
          {
           "name": "rq_timeout"
          },
          {
           "name": "rq_total"
          },
          {
           "type": "GAUGE",
           "name": "cx_active"
          },
          {
           "type": "GAUGE",
           "name": "rq_active"
          },
          {
           "type": "GAUGE",
           "name": "rq_pending_active"
          }
         ],
         "health_status": {
          "eds_health_status": "HEALTHY"
         },
         "weight": 5,
         "hostname": "h.example",
         "locality": {
          "region": "r",
          "zone": "z",
          "sub_zone": "s"
         }
        }
       ],
       "circuit_breakers": {
        "thresholds": [
         {
          "max_connections": 1024,
          "max_pending_requests": 1024,
          "max_requests": 1024,
          "max_retries": 3
         },
         {
          "priority": "HIGH",
          "max_connections": 1024,
          "max_pending_requests": 1024,
          "max_requests": 1024,
          "max_retries": 3
         }
        ]
       },
       "observability_name": "other"
      },
      {
       "name": "up",
       "host_statuses": [
        {
         "address": {
          "socket_address": {
           "address": "127.0.0.1",
           "port_value": "$up"
          }
         },
         "stats": [
          {
           "name": "cx_connect_fail"
          },
          {
           "name": "cx_total"
          },
          {
           "name": "rq_error"
          },
          {
           "name": "rq_success"
          },
          {
           "name": "rq_timeout"
          },
          {
           "name": "rq_total"
          },
          {
           "type": "GAUGE",
           "name": "cx_active"
          },
          {
           "type": "GAUGE",
           "name": "rq_active"
          },
          {
           "type": "GAUGE",
           "name": "rq_pending_active"
          }
         ],
         "health_status": {
          "eds_health_status": "HEALTHY"
         },
         "weight": 1,
         "locality": {}
        }
       ],
       "circuit_breakers": {
        "thresholds": [
         {
          "max_connections": 1024,
          "max_pending_requests": 1024,
          "max_requests": 1024,
          "max_retries": 3
         },
         {
          "priority": "HIGH",
          "max_connections": 7,
          "max_pending_requests": 1024,
          "max_requests": 1024,
          "max_retries": 3
         }
        ]
       },
       "observability_name": "up"
      }
     ]
    }

  `,
      },
      fetch('/clusters?format=json'),
    )
    f.scenario(
      '/clusters with a filter',
      {
        sees: `
    named::observability_name::other
    named::default_priority::max_connections::1024
    named::default_priority::max_pending_requests::1024
    named::default_priority::max_requests::1024
    named::default_priority::max_retries::3
    named::high_priority::max_connections::1024
    named::high_priority::max_pending_requests::1024
    named::high_priority::max_requests::1024
    named::high_priority::max_retries::3
    named::added_via_api::false
    named::127.0.0.1:$up::cx_active::0
    named::127.0.0.1:$up::cx_connect_fail::0
    named::127.0.0.1:$up::cx_total::0
    named::127.0.0.1:$up::rq_active::0
    named::127.0.0.1:$up::rq_error::0
    named::127.0.0.1:$up::rq_pending_active::0
    named::127.0.0.1:$up::rq_success::0
    named::127.0.0.1:$up::rq_timeout::0
    named::127.0.0.1:$up::rq_total::0
    named::127.0.0.1:$up::hostname::h.example
    named::127.0.0.1:$up::health_flags::healthy
    named::127.0.0.1:$up::weight::5
    named::127.0.0.1:$up::region::r
    named::127.0.0.1:$up::zone::z
    named::127.0.0.1:$up::sub_zone::s
    named::127.0.0.1:$up::canary::false
    named::127.0.0.1:$up::priority::0
    named::127.0.0.1:$up::success_rate::-1
    named::127.0.0.1:$up::local_origin_success_rate::-1

  `,
      },
      body('/clusters?filter=named'),
    )
    f.scenario(
      '/help',
      {
        nuncio: {
          because: 'the descriptions are our own; paths, parameters and choices are the same',
          instead: `${OUR_HELP}
  `,
        },
        sees: `
    admin commands are:
      /: Admin home page
      /allocprofiler (POST): enable/disable the allocation profiler (if supported)
          enable: enable/disable the allocation profiler; One of (y, n)
      /certs: print certs on machine
      /clusters: upstream cluster status
          filter: Regular expression (Google re2) for filtering clusters by name
      /config_dump: dump current Envoy configs
          resource: The resource to dump
          mask: The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask
          name_regex: Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.
          include_eds: Dump currently loaded configuration including EDS. See the response definition for more information
      /contention: dump current Envoy mutex contention stats (if enabled)
      /cpuprofiler (POST): enable/disable the CPU profiler
          enable: enables the CPU profiler; One of (y, n)
      /drain_listeners (POST): drain listeners
          graceful: When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI
          skip_exit: When draining listeners, drain the connections but never stop the listeners. The graceful parameter has no effect when this is set, since the drain period only delays stopping the listeners
          inboundonly: Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.
      /healthcheck/fail (POST): cause the server to fail health checks
      /healthcheck/ok (POST): cause the server to pass health checks
      /heap_dump: dump current Envoy heap (if supported)
      /heapprofiler (POST): enable/disable the heap profiler
          enable: enable/disable the heap profiler; One of (y, n)
      /help: print out list of admin commands
      /hot_restart_version: print the hot restart compatibility version
      /init_dump: dump current Envoy init manager information (experimental)
          mask: The desired component to dump unready targets. The mask is parsed as a Protobuf::FieldMask. For example, get the unready targets of all listeners with /init_dump?mask=listener\`
      /listeners: print listener info
          format: File format to use; One of (text, json)
      /logging (POST): query/change logging levels
          paths: Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>. If fine grain logging is enabled, use __FILE__ or a glob experision as the logger name. For example, source/common*:warning
          group: Change given logger group to desired level, set to <logger_group_name>:<desired_level>. logger_group_name must be a logger name.
          level: desired logging level, this will change all loggers's level; One of (, trace, debug, info, warning, error, critical, off)
      /memory: print current allocation/heap usage
      /memory/tcmalloc: print TCMalloc stats
      /peak_heap_dump: dump peak Envoy heap (if supported)
      /quitquitquit (POST): exit the server
      /ready: print server state, return 200 if LIVE, otherwise return 503
      /reopen_logs (POST): reopen access logs
      /reset_counters (POST): reset all counters to zero
      /runtime: print runtime values
      /runtime_modify (POST): Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...
      /server_info: print server version/status information
      /stats: print server stats
          usedonly: Only include stats that have been written by system since restart
          filter: Regular expression (Google re2) for filtering stats
          invert_filter: Invert the filter regex
          format: Format to use; One of (html, active-html, text, json)
          type: Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)
          histogram_buckets: Histogram bucket display mode; One of (cumulative, disjoint, detailed, summary)
      /stats/prometheus: print server stats in prometheus format
          usedonly: Only include stats that have been written by system since restart
          text_readouts: Render text_readouts as new gaugues with value 0 (increases Prometheus data size)
          filter: Regular expression (Google re2) for filtering stats
          invert_filter: Invert the filter regex
          histogram_buckets: Histogram bucket display mode; One of (cumulative, summary)
      /stats/recentlookups: Show recent stat-name lookups
      /stats/recentlookups/clear (POST): clear list of stat-name lookups and counter
      /stats/recentlookups/disable (POST): disable recording of reset stat-name lookup names
      /stats/recentlookups/enable (POST): enable recording of reset stat-name lookup names

  `,
      },
      body('/help'),
    )
    f.scenario(
      'an unknown path',
      {
        nuncio: {
          because: 'the descriptions are our own; paths, parameters and choices are the same',
          instead: `
    404
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    invalid path. ${OUR_HELP.trimStart()}
  `,
        },
        sees: `
    404
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    invalid path. admin commands are:
      /: Admin home page
      /allocprofiler (POST): enable/disable the allocation profiler (if supported)
          enable: enable/disable the allocation profiler; One of (y, n)
      /certs: print certs on machine
      /clusters: upstream cluster status
          filter: Regular expression (Google re2) for filtering clusters by name
      /config_dump: dump current Envoy configs
          resource: The resource to dump
          mask: The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask
          name_regex: Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.
          include_eds: Dump currently loaded configuration including EDS. See the response definition for more information
      /contention: dump current Envoy mutex contention stats (if enabled)
      /cpuprofiler (POST): enable/disable the CPU profiler
          enable: enables the CPU profiler; One of (y, n)
      /drain_listeners (POST): drain listeners
          graceful: When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI
          skip_exit: When draining listeners, drain the connections but never stop the listeners. The graceful parameter has no effect when this is set, since the drain period only delays stopping the listeners
          inboundonly: Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.
      /healthcheck/fail (POST): cause the server to fail health checks
      /healthcheck/ok (POST): cause the server to pass health checks
      /heap_dump: dump current Envoy heap (if supported)
      /heapprofiler (POST): enable/disable the heap profiler
          enable: enable/disable the heap profiler; One of (y, n)
      /help: print out list of admin commands
      /hot_restart_version: print the hot restart compatibility version
      /init_dump: dump current Envoy init manager information (experimental)
          mask: The desired component to dump unready targets. The mask is parsed as a Protobuf::FieldMask. For example, get the unready targets of all listeners with /init_dump?mask=listener\`
      /listeners: print listener info
          format: File format to use; One of (text, json)
      /logging (POST): query/change logging levels
          paths: Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>. If fine grain logging is enabled, use __FILE__ or a glob experision as the logger name. For example, source/common*:warning
          group: Change given logger group to desired level, set to <logger_group_name>:<desired_level>. logger_group_name must be a logger name.
          level: desired logging level, this will change all loggers's level; One of (, trace, debug, info, warning, error, critical, off)
      /memory: print current allocation/heap usage
      /memory/tcmalloc: print TCMalloc stats
      /peak_heap_dump: dump peak Envoy heap (if supported)
      /quitquitquit (POST): exit the server
      /ready: print server state, return 200 if LIVE, otherwise return 503
      /reopen_logs (POST): reopen access logs
      /reset_counters (POST): reset all counters to zero
      /runtime: print runtime values
      /runtime_modify (POST): Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...
      /server_info: print server version/status information
      /stats: print server stats
          usedonly: Only include stats that have been written by system since restart
          filter: Regular expression (Google re2) for filtering stats
          invert_filter: Invert the filter regex
          format: Format to use; One of (html, active-html, text, json)
          type: Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)
          histogram_buckets: Histogram bucket display mode; One of (cumulative, disjoint, detailed, summary)
      /stats/prometheus: print server stats in prometheus format
          usedonly: Only include stats that have been written by system since restart
          text_readouts: Render text_readouts as new gaugues with value 0 (increases Prometheus data size)
          filter: Regular expression (Google re2) for filtering stats
          invert_filter: Invert the filter regex
          histogram_buckets: Histogram bucket display mode; One of (cumulative, summary)
      /stats/recentlookups: Show recent stat-name lookups
      /stats/recentlookups/clear (POST): clear list of stat-name lookups and counter
      /stats/recentlookups/disable (POST): disable recording of reset stat-name lookup names
      /stats/recentlookups/enable (POST): enable recording of reset stat-name lookup names

  `,
      },
      fetch('/nope'),
    )
    f.scenario(
      'GET where POST is needed',
      {
        sees: `
    405
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    Method GET not allowed, POST required.
  `,
      },
      fetch('/quitquitquit'),
    )
    f.scenario(
      'POST to /ready',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    LIVE

  `,
      },
      fetch('/ready', 'POST'),
    )
    f.scenario(
      '/certs',
      {
        sees: `
    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {
     "certificates": []
    }

  `,
      },
      fetch('/certs'),
    )
    f.scenario(
      '/hot_restart_version',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    disabled
  `,
      },
      fetch('/hot_restart_version'),
    )
    f.scenario(
      '/contention',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.
  `,
      },
      fetch('/contention'),
    )
    f.scenario(
      '/init_dump',
      {
        sees: `
    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {}

  `,
      },
      fetch('/init_dump'),
    )
    f.scenario(
      '/memory: its fields',
      {
        sees: `
    {"allocated":"string","heap_size":"string","pageheap_unmapped":"string","pageheap_free":"string","total_thread_cache":"string","total_physical_bytes":"string"}
  `,
      },
      async s => {
        s.note(JSON.stringify(shape(JSON.parse((await s.proxy.admin('/memory')).body))))
      },
    )
    f.scenario(
      '/server_info: its fields',
      {
        sees: `
    200 application/json
    version state uptime_current_epoch uptime_all_epochs hot_restart_version command_line_options node hot_restart_initializing
    LIVE disabled true true
    ["base_id","concurrency","config_path","config_yaml","allow_unknown_static_fields","admin_address_path","local_address_ip_version","log_level","component_log_level","log_format","log_path","service_cluster","service_node","service_zone","file_flush_interval","drain_time","parent_shutdown_time","mode","disable_hot_restart","enable_mutex_tracing","restart_epoch","cpuset_threads","reject_unknown_dynamic_fields","log_format_escaped","disabled_extensions","ignore_unknown_dynamic_fields","use_dynamic_base_id","base_id_path","drain_strategy","enable_fine_grain_logging","socket_path","socket_mode","enable_core_dump","stats_tag","skip_hot_restart_on_no_parent","skip_hot_restart_parent_stats","skip_deprecated_logs","file_flush_min_size","log_stacktrace_single_entry"]
    {"service_node":"sn","service_cluster":"sc","service_zone":"zone","concurrency":1,"mode":"Serve","drain_strategy":"Gradual","local_address_ip_version":"v4","file_flush_interval":"0.005s","drain_time":"600s","parent_shutdown_time":"900s"}
    {"id":"sn","cluster":"sc","locality":{"region":"","zone":"zone","sub_zone":""},"user_agent_name":"envoy"}
  `,
      },
      async s => {
        const answer = await s.proxy.admin('/server_info')
        const info = JSON.parse(answer.body)
        s.note(`${answer.status} ${answer.headers['content-type']}`)
        s.note(Object.keys(info).join(' '))
        s.note(
          `${info.state} ${info.hot_restart_version} ${/^\d+s$/.test(info.uptime_current_epoch)} ${/^\w+\/[\d.]+\/\w+\/\w+\/.+$/.test(info.version)}`,
        )
        s.note(JSON.stringify(Object.keys(info.command_line_options)))
        const {
          service_node,
          service_cluster,
          service_zone,
          concurrency,
          mode,
          drain_strategy,
          local_address_ip_version,
          file_flush_interval,
          drain_time,
          parent_shutdown_time,
        } = info.command_line_options
        s.note(
          JSON.stringify({
            service_node,
            service_cluster,
            service_zone,
            concurrency,
            mode,
            drain_strategy,
            local_address_ip_version,
            file_flush_interval,
            drain_time,
            parent_shutdown_time,
          }),
        )
        const { id, cluster: name, locality, user_agent_name } = info.node
        s.note(JSON.stringify({ id, cluster: name, locality, user_agent_name }))
      },
    )
    f.scenario(
      '/config_dump: its kinds',
      {
        sees: `
    200 application/json
    type.googleapis.com/envoy.admin.v3.BootstrapConfigDump bootstrap last_updated
    type.googleapis.com/envoy.admin.v3.ClustersConfigDump static_clusters
    type.googleapis.com/envoy.admin.v3.ListenersConfigDump static_listeners
    type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump
    type.googleapis.com/envoy.admin.v3.RoutesConfigDump static_route_configs
    type.googleapis.com/envoy.admin.v3.SecretsConfigDump
  `,
      },
      async s => {
        const answer = await s.proxy.admin('/config_dump')
        s.note(`${answer.status} ${answer.headers['content-type']}`)
        for (const config of JSON.parse(answer.body).configs)
          s.note(
            `${config['@type']} ${Object.keys(config)
              .filter(key => key !== '@type')
              .join(' ')}`,
          )
      },
    )
    const dumped =
      (query: string) =>
      async (s: Scene): Promise<void> => {
        const { body: text } = await s.proxy.admin(`/config_dump?${query}`)
        s.note(text.replace(/"last_updated": "[^"]*"/g, '"last_updated": "TIME"'))
      }
    f.scenario(
      '/config_dump of clusters',
      {
        sees: `
    {
     "configs": [
      {
       "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
       "cluster": {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "named",
        "type": "STATIC",
        "connect_timeout": "1s",
        "alt_stat_name": "other",
        "load_assignment": {
         "cluster_name": "named",
         "endpoints": [
          {
           "locality": {
            "region": "r",
            "zone": "z",
            "sub_zone": "s"
           },
           "lb_endpoints": [
            {
             "endpoint": {
              "address": {
               "socket_address": {
                "address": "127.0.0.1",
                "port_value": "$up"
               }
              },
              "hostname": "h.example"
             },
             "load_balancing_weight": 5
            }
           ]
          }
         ]
        }
       },
       "last_updated": "TIME"
      },
      {
       "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
       "cluster": {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "up",
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {
         "thresholds": [
          {
           "priority": "HIGH",
           "max_connections": 7
          }
         ]
        },
        "load_assignment": {
         "cluster_name": "up",
         "endpoints": [
          {
           "lb_endpoints": [
            {
             "endpoint": {
              "address": {
               "socket_address": {
                "address": "127.0.0.1",
                "port_value": "$up"
               }
              }
             }
            }
           ]
          }
         ]
        }
       },
       "last_updated": "TIME"
      }
     ]
    }

  `,
      },
      dumped('resource=static_clusters'),
    )
    f.scenario(
      '/config_dump of routes',
      {
        sees: `
    {
     "configs": [
      {
       "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump.StaticRouteConfig",
       "route_config": {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "main-routes",
        "virtual_hosts": [
         {
          "name": "all",
          "domains": [
           "*"
          ],
          "routes": [
           {
            "match": {
             "prefix": "/"
            },
            "route": {
             "cluster": "up"
            }
           }
          ]
         }
        ]
       },
       "last_updated": "TIME"
      }
     ]
    }

  `,
      },
      dumped('resource=static_route_configs'),
    )
    f.scenario(
      '/config_dump of an unknown resource',
      {
        sees: `
    404
    x-content-type-options: nosniff
    content-type: text/plain
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    nothing not found in config dump
  `,
      },
      fetch('/config_dump?resource=nothing'),
    )
    f.scenario(
      '/config_dump with a mask',
      {
        sees: `
    {
     "configs": [
      {
       "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
       "cluster": {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "named"
       }
      },
      {
       "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
       "cluster": {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "up"
       }
      }
     ]
    }

  `,
      },
      dumped('resource=static_clusters&mask=cluster.name'),
    )
    f.scenario(
      '/config_dump by name',
      {
        sees: `
    BootstrapConfigDump ClustersConfigDump ListenersConfigDump ScopedRoutesConfigDump RoutesConfigDump SecretsConfigDump
  `,
      },
      async s => {
        const { body: text } = await s.proxy.admin('/config_dump?name_regex=named')
        s.note(
          JSON.parse(text)
            .configs.map((config: { '@type': string }) => config['@type'].split('.').at(-1))
            .join(' '),
        )
      },
    )
    f.scenario(
      '/runtime',
      {
        sees: `
    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {"entries":{"a.b":{"final_value":"5","layer_values":["5",""]},"c":{"final_value":"text","layer_values":["text",""]},"d":{"final_value":"true","layer_values":["true",""]},"e":{"final_value":"1.5","layer_values":["1.5",""]}},"layers":["base","admin"]}
  `,
      },
      async s => {
        const answer = await s.proxy.admin('/runtime')
        s.note(show({ ...answer, body: sorted(answer.body) }))
      },
    )
    f.scenario(
      '/runtime_modify and back',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    OK

    {"entries":{"a.b":{"final_value":"9","layer_values":["5","9"]},"c":{"final_value":"text","layer_values":["text",""]},"d":{"final_value":"true","layer_values":["true",""]},"e":{"final_value":"1.5","layer_values":["1.5",""]},"new":{"final_value":"1","layer_values":["","1"]}},"layers":["base","admin"]}
    OK

    {"entries":{"a.b":{"final_value":"5","layer_values":["5",""]},"c":{"final_value":"text","layer_values":["text",""]},"d":{"final_value":"true","layer_values":["true",""]},"e":{"final_value":"1.5","layer_values":["1.5",""]}},"layers":["base","admin"]}
  `,
      },
      async s => {
        s.note(show(await s.proxy.admin('/runtime_modify?a.b=9&new=1', 'POST')))
        s.note(sorted((await s.proxy.admin('/runtime')).body))
        s.note((await s.proxy.admin('/runtime_modify?a.b=&new=', 'POST')).body)
        s.note(sorted((await s.proxy.admin('/runtime')).body))
      },
    )
    f.scenario(
      '/runtime_modify without parameters',
      {
        sees: `
    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN
           or send the parameters as form values
    use an empty value to remove a previously added override
  `,
      },
      fetch('/runtime_modify', 'POST'),
    )
    f.scenario(
      '/logging names its loggers',
      {
        sees: `
    200 active loggers:
    a2a: info
    admin: info
    ai_protocol_manager: info
    alternate_protocols_cache: info
    assert: info
    aws: info
    backtrace: info
    basic_auth: info
    cache_filter: info
    client: info
    compression: info
    config: info
    conn_handler: info
    connection: info
    credential_injector: info
    decompression: info
    dns: info
    dubbo: info
    dynamic_modules: info
    envoy_bug: info
    ext_authz: info
    ext_proc: info
    file: info
    filter: info
    forward_proxy: info
    geolocation: info
    golang: info
    grpc: info
    happy_eyeballs: info
    hc: info
    health_checker: info
    http2: info
    http: info
    hystrix: info
    init: info
    io: info
    ip_tagging: info
    json_rpc: info
    jwt: info
    kafka: info
    key_value_store: info
    local_rate_limit: info
    lua: info
    main: info
    matcher: info
    mcp: info
    misc: info
    mongo: info
    multi_connection: info
    notification: info
    oauth2: info
    pool: info
    quic: info
    quic_stream: info
    rate_limit_quota: info
    rbac: info
    rds: info
    redis: info
    rocketmq: info
    router: info
    runtime: info
    secret: info
    sse: info
    stats: info
    stats_sinks: info
    tap: info
    testing: info
    thrift: info
    tracing: info
    udp: info
    upstream: info
    wasm: info
    websocket: info
  `,
      },
      async s => {
        const answer = await s.proxy.admin('/logging', 'POST')
        s.note(`${answer.status} ${answer.body.split('\n')[0]}`)
        s.note(
          answer.body
            .split('\n')
            .slice(1)
            .filter(line => line !== '')
            .map(line => line.trim())
            .sort()
            .join('\n'),
        )
      },
    )
    f.scenario(
      '/logging sets levels',
      {
        sees: `
    warning
      http: debug
      http: error,  router: info
    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    error: unknown logger level

    usage: /logging?<name>=<level> (change single level)
    usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
    usage: /logging?level=<level> (change all levels)
    usage: /logging?group=<group_name>:<level> (change group of loggers)
    levels: trace debug info warning error critical off
    active loggers:
      a2a: warning
      admin: warning
      ai_protocol_manager: warning
      alternate_protocols_cache: warning
      aws: warning
      assert: warning
      backtrace: warning
      basic_auth: warning
      cache_filter: warning
      client: warning
      config: warning
      connection: warning
      conn_handler: warning
      compression: warning
      credential_injector: warning
      decompression: warning
      dns: warning
      dubbo: warning
      envoy_bug: warning
      ext_authz: warning
      ext_proc: warning
      rocketmq: warning
      file: warning
      filter: warning
      forward_proxy: warning
      geolocation: warning
      grpc: warning
      happy_eyeballs: warning
      hc: warning
      health_checker: warning
      http: error
      http2: warning
      hystrix: warning
      init: warning
      io: warning
      jwt: warning
      json_rpc: warning
      kafka: warning
      key_value_store: warning
      lua: warning
      local_rate_limit: warning
      main: warning
      matcher: warning
      mcp: warning
      misc: warning
      mongo: warning
      multi_connection: warning
      notification: warning
      oauth2: warning
      quic: warning
      quic_stream: warning
      pool: warning
      rate_limit_quota: warning
      rbac: warning
      rds: warning
      redis: warning
      router: info
      runtime: warning
      stats: warning
      secret: warning
      sse: warning
      tap: warning
      testing: warning
      thrift: warning
      tracing: warning
      upstream: warning
      udp: warning
      wasm: warning
      websocket: warning
      golang: warning
      stats_sinks: warning
      dynamic_modules: warning
      ip_tagging: warning


    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    error: unknown logger name

    usage: /logging?<name>=<level> (change single level)
    usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
    usage: /logging?level=<level> (change all levels)
    usage: /logging?group=<group_name>:<level> (change group of loggers)
    levels: trace debug info warning error critical off
    active loggers:
      a2a: warning
      admin: warning
      ai_protocol_manager: warning
      alternate_protocols_cache: warning
      aws: warning
      assert: warning
      backtrace: warning
      basic_auth: warning
      cache_filter: warning
      client: warning
      config: warning
      connection: warning
      conn_handler: warning
      compression: warning
      credential_injector: warning
      decompression: warning
      dns: warning
      dubbo: warning
      envoy_bug: warning
      ext_authz: warning
      ext_proc: warning
      rocketmq: warning
      file: warning
      filter: warning
      forward_proxy: warning
      geolocation: warning
      grpc: warning
      happy_eyeballs: warning
      hc: warning
      health_checker: warning
      http: error
      http2: warning
      hystrix: warning
      init: warning
      io: warning
      jwt: warning
      json_rpc: warning
      kafka: warning
      key_value_store: warning
      lua: warning
      local_rate_limit: warning
      main: warning
      matcher: warning
      mcp: warning
      misc: warning
      mongo: warning
      multi_connection: warning
      notification: warning
      oauth2: warning
      quic: warning
      quic_stream: warning
      pool: warning
      rate_limit_quota: warning
      rbac: warning
      rds: warning
      redis: warning
      router: info
      runtime: warning
      stats: warning
      secret: warning
      sse: warning
      tap: warning
      testing: warning
      thrift: warning
      tracing: warning
      upstream: warning
      udp: warning
      wasm: warning
      websocket: warning
      golang: warning
      stats_sinks: warning
      dynamic_modules: warning
      ip_tagging: warning


  `,
      },
      async s => {
        const levels = (text: string): string =>
          [
            ...new Set(
              text
                .split('\n')
                .slice(1)
                .filter(line => line !== '')
                .map(line => line.split(': ')[1]),
            ),
          ].join()
        s.note(levels((await s.proxy.admin('/logging?level=warning', 'POST')).body))
        s.note(
          (await s.proxy.admin('/logging?http=debug', 'POST')).body
            .split('\n')
            .filter(line => /^ {2}http: /.test(line))
            .join(),
        )
        s.note(
          (await s.proxy.admin('/logging?paths=http:error,router:info', 'POST')).body
            .split('\n')
            .filter(line => /^ {2}(?:http|router): /.test(line))
            .join(),
        )
        s.note(show(await s.proxy.admin('/logging?level=nonsense', 'POST')))
        s.note(show(await s.proxy.admin('/logging?nosuch=info', 'POST')))
        await s.proxy.admin('/logging?level=info', 'POST')
      },
    )
    f.scenario(
      '/reset_counters',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    OK

    0 0
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/'))
        await client.response()
        await poll(
          'a count',
          async () => ((await s.proxy.stats()).get('http.main.downstream_rq_total') ?? 0) > 0 || undefined,
        )
        s.note(show(await s.proxy.admin('/reset_counters', 'POST')))
        const stats = await s.proxy.stats()
        s.note(`${stats.get('http.main.downstream_rq_total')} ${stats.get('cluster.up.upstream_rq_total')}`)
      },
    )
    f.scenario(
      '/stats: filter and used only',
      {
        sees: `
    http.main.downstream_rq_1xx: 0
    http.main.downstream_rq_2xx: 1
    http.main.downstream_rq_3xx: 0
    http.main.downstream_rq_4xx: 0
    http.main.downstream_rq_5xx: 0

    http.main.downstream_rq_2xx: 1

    200
    content-type: application/json
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    {"stats":[{"name":"http.main.downstream_rq_1xx","value":0},{"name":"http.main.downstream_rq_2xx","value":1},{"name":"http.main.downstream_rq_3xx","value":0},{"name":"http.main.downstream_rq_4xx","value":0},{"name":"http.main.downstream_rq_5xx","value":0}]}
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    # TYPE envoy_http_downstream_rq_xx counter
    envoy_http_downstream_rq_xx{envoy_response_code_class="1",envoy_http_conn_manager_prefix="main"} 0
    envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="main"} 1
    envoy_http_downstream_rq_xx{envoy_response_code_class="3",envoy_http_conn_manager_prefix="main"} 0
    envoy_http_downstream_rq_xx{envoy_response_code_class="4",envoy_http_conn_manager_prefix="main"} 0
    envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="main"} 0

    cluster.up.circuit_breakers.default.cx_open: 0
    cluster.up.circuit_breakers.default.cx_pool_open: 0
    cluster.up.circuit_breakers.default.rq_open: 0
    cluster.up.circuit_breakers.default.rq_pending_open: 0
    cluster.up.circuit_breakers.default.rq_retry_open: 0
    cluster.up.circuit_breakers.high.cx_open: 0
    cluster.up.circuit_breakers.high.cx_pool_open: 0
    cluster.up.circuit_breakers.high.rq_open: 0
    cluster.up.circuit_breakers.high.rq_pending_open: 0
    cluster.up.circuit_breakers.high.rq_retry_open: 0
    cluster.up.lb_subsets_active: 0
    cluster.up.max_host_weight: 0
    cluster.up.membership_degraded: 0
    cluster.up.membership_excluded: 0
    cluster.up.membership_healthy: 1
    cluster.up.membership_total: 1
    cluster.up.upstream_cx_active: 1
    cluster.up.upstream_cx_rx_bytes_buffered: 40
    cluster.up.upstream_cx_tx_bytes_buffered: 0
    cluster.up.upstream_queue_overloaded: 0
    cluster.up.upstream_rq_active: 0
    cluster.up.upstream_rq_pending_active: 0
    cluster.up.version: 0
    cluster.up.warming_state: 0


    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    usage: /stats?format=(html|active-html|json|prometheus|text)


    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    Invalid re2 regex: missing ): ((
    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    invalid &type= param
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/'))
        await client.response()
        await s.stat('http.main.downstream_rq_2xx', 1)
        s.note((await s.proxy.admin('/stats?filter=^http.main.downstream_rq_.xx')).body)
        s.note((await s.proxy.admin('/stats?filter=^http.main.downstream_rq_.xx&usedonly')).body)
        s.note(show(await s.proxy.admin('/stats?filter=^http.main.downstream_rq_.xx&format=json')))
        s.note(show(await s.proxy.admin('/stats?filter=^http.main.downstream_rq_.xx&format=prometheus')))
        s.note((await s.proxy.admin('/stats?filter=cluster.up.&type=Gauges')).body)
        s.note((await s.proxy.admin('/stats?filter=control_plane&type=TextReadouts')).body)
        s.note(show(await s.proxy.admin('/stats?format=nonsense')))
        s.note(show(await s.proxy.admin('/stats?filter=((')))
        s.note(show(await s.proxy.admin('/stats?type=nonsense')))
      },
    )
    f.scenario(
      '/stats/prometheus of gauges and counters',
      {
        sees: `
    # TYPE envoy_cluster_membership_change counter
    envoy_cluster_membership_change{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_default_cx_open gauge
    envoy_cluster_circuit_breakers_default_cx_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_default_cx_pool_open gauge
    envoy_cluster_circuit_breakers_default_cx_pool_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_default_rq_open gauge
    envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_default_rq_pending_open gauge
    envoy_cluster_circuit_breakers_default_rq_pending_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_default_rq_retry_open gauge
    envoy_cluster_circuit_breakers_default_rq_retry_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_high_cx_open gauge
    envoy_cluster_circuit_breakers_high_cx_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_high_cx_pool_open gauge
    envoy_cluster_circuit_breakers_high_cx_pool_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_high_rq_open gauge
    envoy_cluster_circuit_breakers_high_rq_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_high_rq_pending_open gauge
    envoy_cluster_circuit_breakers_high_rq_pending_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_circuit_breakers_high_rq_retry_open gauge
    envoy_cluster_circuit_breakers_high_rq_retry_open{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_membership_degraded gauge
    envoy_cluster_membership_degraded{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_membership_excluded gauge
    envoy_cluster_membership_excluded{envoy_cluster_name="up"} 0
    # TYPE envoy_cluster_membership_healthy gauge
    envoy_cluster_membership_healthy{envoy_cluster_name="up"} 1
    # TYPE envoy_cluster_membership_total gauge
    envoy_cluster_membership_total{envoy_cluster_name="up"} 1
    # TYPE envoy_cluster_upstream_cx_active gauge
    envoy_cluster_upstream_cx_active{envoy_cluster_name="up"} 1

  `,
      },
      async s => {
        s.note(
          (await s.proxy.admin('/stats/prometheus?filter=^cluster.up.(membership|circuit|upstream_cx_active)')).body,
        )
      },
    )
    f.scenario(
      '/stats of histograms: their lines',
      {
        sees: `
    > up
    GET / HTTP/1.1
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
    cluster.up.upstream_rq_time: P0(N,N) P25(N,N) P50(N,N) P75(N,N) P90(N,N) P95(N,N) P99(N,N) P99.5(N,N) P99.9(N,N) P100(N,N)

    cluster.up.upstream_cx_length_ms: No recorded values

  `,
      },
      async s => {
        await s.exchange({ send: get('/') })
        const text = await poll(
          'a histogram',
          async () => {
            const { body: found } = await s.proxy.admin('/stats?filter=^cluster.up.upstream_rq_time&type=Histograms')
            return found.includes('P0') ? found : undefined
          },
          8000,
        )
        s.note(text.replace(/\d+(?:\.\d+)?(?=[,)])/g, 'N'))
        s.note((await s.proxy.admin('/stats?filter=^cluster.up.upstream_cx_length_ms&type=Histograms')).body)
      },
    )
    f.scenario(
      'a body on the admin port',
      {
        sees: `
    OK

  `,
      },
      body('/healthcheck/ok', 'POST'),
    )
    f.scenario(
      '/cpuprofiler without a parameter',
      {
        sees: `
    400
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    ?enable=<y|n>

  `,
      },
      fetch('/cpuprofiler', 'POST'),
    )
    f.scenario(
      '/stats/recentlookups',
      {
        nuncio: {
          because: 'names are looked up when a scope is made, and not counted: nothing happens for a request',
          instead: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.

    total: 0

  `,
        },
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.

    total: 4

  `,
      },
      fetch('/stats/recentlookups'),
    )
    f.scenario(
      '/ the home page is HTML',
      {
        sees: `
    200 text/html; charset=UTF-8 true true
  `,
      },
      async s => {
        const answer = await s.proxy.admin('/')
        s.note(
          `${answer.status} ${answer.headers['content-type']} ${answer.body.includes('<html') || answer.body.includes('<!DOCTYPE') || answer.body.includes('<head>')} ${['/clusters', '/config_dump', '/stats', '/quitquitquit'].every(path => answer.body.includes(path.slice(1)))}`,
        )
      },
    )
  },
)

feature(
  'paths allowed',
  {
    file: import.meta.url,
    listeners: [http('main')],
    more: 'admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}, allow_paths: [{exact: /ready}, {exact: /listeners}, {prefix: /stats}]}',
  },
  f => {
    f.scenario(
      'only those are answered',
      {
        sees: `
    /ready 200 LIVE

    /stats?filter=nothing 200
    /clusters 403 request to path /clusters not allowed
  `,
      },
      async s => {
        for (const path of ['/ready', '/stats?filter=nothing', '/clusters']) {
          const answer = await s.proxy.admin(path)
          s.note(`${path} ${answer.status} ${answer.body.slice(0, 60)}`)
        }
      },
    )
  },
)

feature(
  'tags of the command line, budgets',
  {
    file: import.meta.url,
    clusters: [
      cluster(
        'up',
        ['up'],
        'circuit_breakers: {thresholds: [{max_retries: 9, retry_budget: {budget_percent: {value: 50}, min_retry_concurrency: 6}}, {priority: HIGH, max_retries: 9, retry_budget: {}}]}',
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, redirect: {path_redirect: /x}}]' })],
    args: ['--stats-tag', 'place:here'],
    more: 'stats_config: {stats_tags: [{tag_name: fixed, fixed_value: v}]}',
  },
  f => {
    f.scenario(
      'every statistic has the tag, and a type asked for counts for nothing',
      {
        sees: `
          # TYPE envoy_cluster_membership_change counter
          envoy_cluster_membership_change{place="here",fixed="v",envoy_cluster_name="up"} 1
          # TYPE envoy_cluster_membership_total gauge
          envoy_cluster_membership_total{place="here",fixed="v",envoy_cluster_name="up"} 1

        `,
      },
      async s => {
        const path = '/stats/prometheus?filter=^cluster.up.(membership_total|membership_change)&type=TextReadouts'
        s.note((await s.proxy.admin(path)).body)
      },
    )
    f.scenario(
      'retries of a budget',
      {
        sees: `
          up::default_priority::max_retries::6
          up::high_priority::max_retries::3
        `,
      },
      async s => {
        const { body } = await s.proxy.admin('/clusters')
        for (const line of body.split('\n')) if (line.includes('max_retries')) s.note(line)
      },
    )
    f.scenario(
      'clusters of every thread; a redirect is a direct answer',
      {
        sees: `
          http.admin.downstream_rq_redirected_with_normalized_path: 0
          http.async-client.rq_redirect: 0
          http.main.downstream_rq_redirected_with_normalized_path: 0
          http.main.rq_direct_response: 1
          http.main.rq_redirect: 0
          thread_local_cluster_manager.main_thread.clusters_inflated: 1
          thread_local_cluster_manager.worker_0.clusters_inflated: 1

        `,
      },
      async s => {
        const client = await s.connect('main')
        await client.send(get('/'))
        await client.response()
        s.note((await s.proxy.admin('/stats?filter=clusters_inflated|rq_redirect|main.rq_direct_response')).body)
      },
    )
  },
)
