// Scoped routes: a request's scope key chooses the route table.
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const inline = (name: string, vhosts: string): string =>
  `route_configuration: {name: ${name}, virtual_hosts: [${vhosts}]}`
const says = (text: string, domain = '*'): string =>
  `{name: ${text}, domains: ["${domain}"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ${text}}}}]}`
const key = (...fragments: string[]): string =>
  `key: {fragments: [${fragments.map(text => `{string_key: "${text}"}`).join(', ')}]}`
const scopes = (fragments: string, ...all: string[]): string => `
route_config: null
scoped_routes:
  name: scopes
  scope_key_builder: {fragments: [${fragments}]}
  scoped_route_configurations_list: {scoped_route_configurations: [${all.join(', ')}]}
`
const extract = (yaml: string): string => `{header_value_extractor: {${yaml}}}`

feature(
  'scoped routes in place',
  {
    file: import.meta.url,
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        hcm: scopes(
          extract('name: X-Scope, element_separator: ";", element: {key: k, separator: "="}'),
          `{name: a, ${key('a')}, ${inline('a', says('table-a'))}}`,
          `{name: b, ${key('b')}, ${inline('b', says('table-b', 'b.example'))}}`,
          `{name: empty, ${key('')}, ${inline('empty', says('table-empty'))}}`,
          `{name: none, ${key('none')}, ${inline('none', '')}}`,
        ),
      }),
      http('pair', {
        hcm: scopes(
          `${extract('name: x-one, element_separator: ",", index: 1')}, ${extract('name: ":authority", index: 0')}`,
          `{name: a, ${key('b', 'host')}, ${inline('a', says('pair'))}}`,
        ),
      }),
      http('moved', {
        hcm: `${scopes(
          extract('name: x-scope, index: 0'),
          `{name: a, ${key('a')}, ${inline('a', says('table-a'))}}`,
          `{name: b, ${key('b')}, ${inline('b', says('table-b'))}}`,
        )}
http_filters:
- name: mutate
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
    mutations: {request_mutations: [{append: {header: {key: x-scope, value: b}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]}
- name: router
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`,
      }),
    ],
  },
  f => {
    f.exchange('the first table', {
      to: 'main',
      send: get('/', 'x-scope: j=1;k=a'),
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 7
        content-type: text/plain
        date: DATE
        server: envoy

        table-a
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=7
      `,
    })
    f.exchange('another table, another host', {
      to: 'main',
      send: get('/', 'x-scope: k=b'),
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('an element without a value', {
      to: 'main',
      send: get('/', 'x-scope: k'),
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 11
        content-type: text/plain
        date: DATE
        server: envoy

        table-empty
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=11
      `,
    })
    f.exchange('a scope whose table is empty', {
      to: 'main',
      send: get('/', 'x-scope: k=none'),
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('no such scope', {
      to: 'main',
      send: get('/', 'x-scope: k=z'),
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('no such element', {
      to: 'main',
      send: get('/', 'x-scope: kk=a'),
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('no such header', {
      to: 'main',
      send: get('/'),
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('the host of the other table', {
      to: 'main',
      send: 'GET / HTTP/1.1\r\nhost: b.example\r\nx-scope: k=b\r\n\r\n',
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 7
        content-type: text/plain
        date: DATE
        server: envoy

        table-b
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=7
      `,
    })
    f.exchange('two fragments', {
      to: 'pair',
      send: 'GET / HTTP/1.1\r\nhost: host\r\nx-one: a,b\r\n\r\n',
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 4
        content-type: text/plain
        date: DATE
        server: envoy

        pair
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=4
      `,
    })
    f.exchange('one fragment too few', {
      to: 'pair',
      send: 'GET / HTTP/1.1\r\nhost: host\r\nx-one: a\r\n\r\n',
      sees: `
        < client
        HTTP/1.1 404 Not Found
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 404 NR route_not_found in=0 out=0
      `,
    })
    f.exchange('a filter that changes the key without asking for another look', {
      to: 'moved',
      send: get('/', 'x-scope: a'),
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 7
        content-type: text/plain
        date: DATE
        server: envoy

        table-a
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=7
      `,
    })
  },
)
