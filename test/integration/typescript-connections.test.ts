// Network filters, listener filters and access loggers in TypeScript: what they see, what they change, how they fail.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { get } from '../support/bytes.js'
import { cluster, fileLog, http, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const OURS = 'real Envoy has no filters in TypeScript'
const folder = fileURLToPath(new URL('../../../test/fixtures/filters', import.meta.url))

const script = (module: string, config: object = {}, more: object = {}, name = module): Record<string, unknown> => ({
  name,
  typed_config: {
    '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
    module: `${folder}/${module}.ts`,
    config,
    ...more,
  },
})
const LOG =
  '%UPSTREAM_CLUSTER% %CONNECTION_TERMINATION_DETAILS% %DOWNSTREAM_LOCAL_CLOSE_REASON% %DYNAMIC_METADATA(line-proxy:from)%\n'

/** A TCP proxy with a filter in TypeScript before it. */
function proxied(name: string, config: object, more: object = {}, listener: object = {}): Record<string, unknown> {
  const made = tcp(name, 'cluster: up', '', LOG)
  const [chain] = made.filter_chains as { filters: object[] }[]
  return {
    ...made,
    filter_chains: [{ filters: [script('line-proxy', config, more, name), ...(chain?.filters ?? [])] }],
    ...listener,
  }
}

feature(
  'network filters in TypeScript',
  {
    file: import.meta.url,
    upstreams: ['up', 'other'],
    clusters: [cluster('up'), cluster('other')],
    listeners: [
      proxied('main', { mark: '!' }),
      proxied('plain', {}),
      proxied('open', {}, { fail_open: true }),
      proxied('chosen', { cluster: 'other', banner: 'welcome\n', mark: '?' }),
      proxied('small', {}, {}, { per_connection_buffer_limit_bytes: 1024 }),
    ],
  },
  f => {
    const opened = async (s: Scene, listener = 'main', upstream = 'up', nth = 1) => {
      s.upstream('up').raw()
      s.upstream('other').raw()
      const client = await s.connect(listener)
      return { client, server: await s.upstream(upstream).nextConnection(nth) }
    }
    f.scenario(
      'bytes both ways, those of a line gathered',
      {
        onlyNuncio: OURS,
        sees: `
      upstream: HELLO\\n
      client: an answer!\\n
      upstream: ended
      up - - 127.0.0.1
      stat: main.closed +1
      stat: main.lines +1
    `,
      },
      s =>
        s.statsOf(/^main\./, async () => {
          const { client, server } = await opened(s)
          await client.send('hel')
          await client.send('lo\n')
          s.note(`upstream: ${JSON.stringify(await server.until('\n')).slice(1, -1)}`)
          await server.send('an answer\n')
          s.note(`client: ${JSON.stringify(await client.until('\n')).slice(1, -1)}`)
          client.end()
          s.note(`upstream: ${await server.closed()}`)
          server.end()
          await client.closed()
          for (const line of await s.log()) s.note(line)
        }),
    )
    f.scenario(
      'what a promise held goes on in order, and bytes of its own before it',
      { onlyNuncio: OURS, sees: 'SLOW\\nNEXT\\nONCE\\nTWICE\\n, line 4\\n' },
      async s => {
        const { client, server } = await opened(s, 'plain')
        await client.send('slow\n')
        await client.until('wait\n')
        await client.send('next\n')
        await server.until('NEXT\n')
        await client.send('twice\n')
        const seen = await server.until('TWICE\n')
        await client.send('local\n')
        const local = (await client.until('line')).replace('wait\n', '')
        s.note(JSON.stringify(`${seen}, ${local}`).slice(1, -1))
        client.destroy()
      },
    )
    f.scenario(
      'closing: in order, and at once',
      {
        onlyNuncio: OURS,
        sees: `
      bye
      closed
      up - client_quit 127.0.0.1
      closed
      up - client_abort 127.0.0.1
    `,
      },
      async s => {
        const { client } = await opened(s)
        await client.send('quit\n')
        const end = await client.closed()
        s.note(client.received.toString().trim())
        s.note(end)
        for (const line of await s.log()) s.note(line)
        const { client: next } = await opened(s)
        await next.send('abort\n')
        s.note(await next.closed())
        for (const line of await s.log()) s.note(line)
      },
    )
    f.scenario(
      'a cluster chosen in filter state, a banner before the upstream is there',
      {
        onlyNuncio: OURS,
        sees: `
      welcome
      HI
      other - - 127.0.0.1
    `,
      },
      async s => {
        const { client, server } = await opened(s, 'chosen', 'other')
        s.note((await client.until('\n')).trim())
        await client.send('hi\n')
        s.note((await server.until('\n')).trim())
        client.end()
        server.end()
        await client.closed()
        for (const line of await s.log(1, 'chosen')) s.note(line)
      },
    )
    f.scenario(
      'a hook that throws or rejects closes its connection, or does nothing',
      {
        onlyNuncio: OURS,
        sees: `
      throw: closed, up - typescript_filter_failed 127.0.0.1
      reject: closed, up - typescript_filter_failed 127.0.0.1
      open: throw reject and on
      stat: open.errors +2
      stat: plain.errors +2
    `,
      },
      s =>
        s.statsOf(/\.errors/, async () => {
          for (const word of ['throw', 'reject']) {
            const { client } = await opened(s, 'plain')
            await client.send(`${word}\n`)
            s.note(`${word}: ${await client.closed()}, ${(await s.log(1, 'plain')).join()}`)
          }
          const { client, server } = await opened(s, 'open', 'up', 3)
          await client.send('throw\n')
          await server.until('throw\n')
          await client.send('reject\n')
          await server.until('reject\n')
          await client.send('and on\n')
          const all = await server.until('AND ON\n')
          s.note(`open: ${all.toLowerCase().trim().replaceAll('\n', ' ')}`)
          client.destroy()
        }),
    )
    f.scenario(
      'a line longer than the buffer limit',
      { onlyNuncio: OURS, sees: 'closed, up - typescript_filter_buffer_limit 127.0.0.1' },
      async s => {
        const { client } = await opened(s, 'small')
        await client.send('x'.repeat(2000))
        s.note(`${await client.closed()}, ${(await s.log(1, 'small')).join()}`)
      },
    )
    f.scenario(
      'a lot, through a slow reader',
      { onlyNuncio: OURS, sees: '2000000 bytes with 20000 marks' },
      async s => {
        const { client, server } = await opened(s)
        client.pause()
        void server.send(`${'x'.repeat(98)}\n`.repeat(20_000))
        client.resume()
        await client.waitFor('all of it', () => client.received.length >= 2_000_000 || undefined)
        const marks = client.received.toString().split('!\n').length - 1
        s.note(`${client.received.length} bytes with ${marks} marks`)
        client.destroy()
      },
    )
  },
)

/** Two chains, one of them for connections whose first line names it. */
const greeted = (name: string, config: object, more: object = {}): Record<string, unknown> => {
  const direct = (text: string) => ({
    name: 'direct',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config',
      response: { inline_string: text },
    },
  })
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    listener_filters: [script('greeting-line', config, more, name)],
    listener_filters_timeout: '0.3s',
    access_log: [
      fileLog(
        `\${tmp}/${name}.log`,
        '%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DYNAMIC_METADATA(greeting-line:name)%\n',
      ),
    ],
    filter_chains: [
      { name: 'named', filter_chain_match: { server_names: ['a.test'] }, filters: [direct('named')] },
      {
        name: 'by protocol',
        filter_chain_match: { application_protocols: ['greeting'] },
        filters: [direct('greeting')],
      },
    ],
    default_filter_chain: { name: 'default', filters: [direct('default')] },
  }
}

feature(
  'listener filters in TypeScript',
  {
    file: import.meta.url,
    clusters: [],
    listeners: [greeted('main', {}), greeted('open', {}, { fail_open: true }), greeted('only', { only: '10.' })],
  },
  f => {
    const tell = async (s: Scene, to: string, ...pieces: string[]) => {
      const client = await s.connect(to)
      for (const piece of pieces) await client.send(piece)
      await client.closed()
      const [line = ''] = await s.log(1, to)
      s.note(`${to}: ${client.received.toString() || 'closed'} (${line.replace(/127.0.0.1:\d+/g, 'ADDRESS')})`)
    }
    f.scenario(
      'names, addresses and protocols from the first bytes',
      {
        onlyNuncio: OURS,
        sees: `
      main: named (a.test named 203.0.113.9:1234 192.0.2.1:4321 a.test)
      main: greeting (b.test by protocol 203.0.113.9:1234 192.0.2.1:4321 b.test)
      main: named (a.test named 203.0.113.9:1234 192.0.2.1:4321 A.test)
      stat: main.ended +3
    `,
      },
      s =>
        s.statsOf(/^main\./, async () => {
          await tell(s, 'main', 'GO a.test\n')
          await tell(s, 'main', 'GO ', 'b.test\n')
          await tell(s, 'main', 'SLOW A.test\n')
        }),
    )
    f.scenario(
      'refusals, failures and promises that never settle',
      {
        onlyNuncio: OURS,
        sees: `
      main: closed (- - ADDRESS ADDRESS -)
      only: closed (- - ADDRESS ADDRESS -)
      main: closed (- - ADDRESS ADDRESS -)
      open: default (- default ADDRESS ADDRESS -)
      main: closed (- - ADDRESS ADDRESS -)
      stat: listener.127.0.0.1_0.downstream_pre_cx_timeout +1
      stat: main.ended +3
      stat: main.errors +1
      stat: only.ended +1
      stat: open.ended +1
      stat: open.errors +1
    `,
      },
      s =>
        s.statsOf(/^(main|open|only)\.|pre_cx_timeout/, async () => {
          await tell(s, 'main', 'NO x\n')
          await tell(s, 'only', '')
          await tell(s, 'main', 'THROW x\n')
          await tell(s, 'open', 'THROW x\n')
          await tell(s, 'main', 'HANG x\n')
        }),
    )
  },
)

/** An HTTP listener that logs to a file of its own. */
const logging = (name: string, fields: object): Record<string, unknown> =>
  http(name, {
    hcm: JSON.stringify({
      access_log: [script('journal', { file: `\${tmp}/${name}.journal`, fields }, {}, name)],
    }),
    routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "ok"}}}]`,
  })

feature(
  'access loggers in TypeScript',
  {
    file: import.meta.url,
    clusters: [],
    listeners: [
      logging('main', { path: '%REQ(:path)%', code: '%RESPONSE_CODE%', out: '%BYTES_SENT%', none: '%REQ(x-none)%' }),
    ],
  },
  f => {
    f.scenario(
      'entries in order, one that fails alone',
      {
        onlyNuncio: OURS,
        sees: `
      {"code":200,"none":null,"out":2,"path":"/a?\\"q\\""}
      {"code":200,"none":null,"out":2,"path":"/b"}
      stat: main.errors +1
    `,
      },
      s =>
        s.statsOf(/^main\.errors/, async () => {
          const client = await s.connect()
          for (const target of ['/a?"q"', '/throw', '/b']) {
            await client.send(get(target))
            await client.response()
          }
          const file = `${s.folder}/main.journal`
          const lines = await poll('two entries', () => {
            const all = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
            return all.length >= 2 ? all : undefined
          })
          for (const line of lines) s.note(line)
          client.destroy()
        }),
    )
  },
)
