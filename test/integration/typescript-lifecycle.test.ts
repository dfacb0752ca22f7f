// Filters in TypeScript over time: edited files, files that are broken, hooks that never come back.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { get } from '../support/bytes.js'
import { bootstrap, http } from '../support/config.js'
import { Debugger } from '../support/debugger.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const OURS = 'real Envoy has no filters in TypeScript'
const fixtures = fileURLToPath(new URL('../../../test/fixtures/filters', import.meta.url))

const config = (module: string, settings: object): string =>
  bootstrap({
    clusters: [],
    listeners: [
      http('main', {
        hcm: JSON.stringify({
          access_log: [],
          http_filters: [
            {
              name: 'filter',
              typed_config: {
                '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
                module: `./filters/${module}.ts`,
                config: settings,
              },
            },
            {
              name: 'router',
              typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
            },
          ],
        }),
        routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "ok"}}}]`,
      }),
    ],
  })

const echoing = (): string =>
  bootstrap({
    clusters: [],
    listeners: [
      {
        name: 'main',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [
          {
            filters: [
              {
                name: 'filter',
                typed_config: {
                  '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
                  module: './filters/endless-connection.ts',
                },
              },
              {
                name: 'echo',
                typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo' },
              },
            ],
          },
        ],
      },
    ],
  })

const loggedBy = (module: string): string =>
  bootstrap({
    clusters: [],
    listeners: [
      http('main', {
        hcm: JSON.stringify({
          access_log: [
            {
              name: 'filter',
              typed_config: {
                '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
                module: `./filters/${module}.ts`,
              },
            },
          ],
        }),
        routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "ok"}}}]`,
      }),
    ],
  })

interface Running {
  readonly proxy: ProxyUnderTest
  readonly file: string
  head(path?: string): Promise<string>
}

async function running(
  s: Scene,
  module: string,
  settings: object,
  act: (running: Running) => Promise<void>,
  flags: readonly string[] = [],
  text = config(module, settings),
): Promise<void> {
  const folder = makeFolder()
  mkdirSync(path.join(folder, 'filters'))
  for (const name of [module, 'schema']) cpSync(`${fixtures}/${name}.ts`, path.join(folder, `filters/${name}.ts`))
  const proxy = await ProxyUnderTest.start({ config: text, folder, args: flags })
  const head = async (target = '/'): Promise<string> => {
    const client = await s.connectTo({ port: proxy.port('main') })
    await client.send(get(target))
    const response = await client.response()
    client.destroy()
    return response.head.toString()
  }
  try {
    await act({ proxy, file: path.join(folder, `filters/${module}.ts`), head })
  } finally {
    await proxy.stop()
  }
}

feature('a filter that is edited', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'new requests get the new code; a broken version changes nothing',
    { onlyNuncio: OURS, sees: 'one, two, still two, three' },
    s =>
      running(s, 'headers', { greeting: 'hello' }, async ({ proxy, file, head }) => {
        const seen = async () => /x-facts(-\w+)?:/.exec(await head())?.[1] ?? ''
        const edit = (from: string, to: string) => writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
        const words = [(await seen()) === '' ? 'one' : 'wrong']
        edit("'x-facts'", "'x-facts-two'")
        await poll('the second version', async () => (await seen()) === '-two' || undefined)
        words.push('two')
        edit('create:', 'create(: this is no TypeScript')
        await proxy.waitFor(
          'the error',
          () => proxy.stderr.includes('headers.ts:') || undefined,
          () => proxy.stderr,
          10_000,
        )
        words.push((await seen()) === '-two' ? 'still two' : 'wrong')
        edit('create(: this is no TypeScript', 'create:')
        edit("'x-facts-two'", "'x-facts-three'")
        await poll('the third version', async () => (await seen()) === '-three' || undefined)
        words.push('three')
        s.note(words.join(', '))
      }),
  )
  f.scenario(
    'one whose create throws is refused',
    { onlyNuncio: OURS, sees: 'refused, and the first version goes on' },
    s =>
      running(s, 'headers', { greeting: 'hello' }, async ({ proxy, file, head }) => {
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace(
            'create: ({ greeting }) => ({',
            'create: ({ greeting }) => nothing() || ({',
          ),
        )
        await proxy.waitFor(
          'the error',
          () => proxy.stderr.includes("filter 'filter': ReferenceError: nothing is not defined") || undefined,
          () => proxy.stderr,
          10_000,
        )
        const goesOn = (await head()).includes('x-facts:')
        s.note(`refused, and the first version ${goesOn ? 'goes on' : 'is gone'}`)
      }),
  )
})

feature('a filter that does not come back', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'an endless loop: its request fails, another connection lives through it',
    { onlyNuncio: OURS, sees: 'loop: 500, kept connection: 200, afterwards: 200, named in the log' },
    s =>
      running(s, 'endless', {}, async ({ proxy, head }) => {
        const status = (text: string) => /^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 'none'
        const kept = await s.connectTo({ port: proxy.port('main') })
        await kept.send(get('/'))
        await kept.response()
        const loop = status(await head('/loop'))
        await poll('the new thread', async () => status(await head()) === '200' || undefined)
        await kept.send(get('/'))
        const after = status((await kept.response()).head.toString())
        const named = /filter 'filter' has kept worker 0 in onRequestHeaders/.test(proxy.stderr)
          ? 'named in the log'
          : 'not named'
        s.note(`loop: ${loop}, kept connection: ${after}, afterwards: ${status(await head())}, ${named}`)
      }),
  )
})

feature('a network filter that misbehaves', { file: import.meta.url, withoutProxy: true }, f => {
  const endless = (s: Scene, act: (running: Running) => Promise<void>) =>
    running(s, 'endless-connection', {}, act, [], echoing())
  for (const [word, sign] of [
    ['loop', /filter 'filter' has kept worker 0 in onData/],
    ['heap', /(kept worker 0 in onData|worker 0 in onData of filter 'filter')/],
  ] as const)
    f.scenario(
      `${word}: its connection ends, another lives through it`,
      { onlyNuncio: OURS, sees: `${word}: closed, kept: one two, named in the log` },
      s =>
        endless(s, async ({ proxy }) => {
          const kept = await s.connectTo({ port: proxy.port('main') })
          await kept.send('one')
          await kept.until('one')
          const bad = await s.connectTo({ port: proxy.port('main') })
          await bad.send(`${word}\n`)
          const end = await bad.closed(20_000)
          await kept.send(' two')
          const seen = await kept.waitFor('two', () =>
            kept.received.length >= 7 ? kept.received.toString() : undefined,
          )
          const named = await proxy
            .waitFor(
              'its name',
              () => sign.test(proxy.stderr) || undefined,
              () => proxy.stderr,
              10_000,
            )
            .then(() => 'named in the log')
          s.note(`${word}: ${end}, kept: ${seen}, ${named}`)
        }),
    )
  f.scenario(
    'a connection that is over, and one that is closed twice',
    {
      onlyNuncio: OURS,
      sees: "this connection is over, or no longer this filter's | dead | closed",
    },
    s =>
      endless(s, async ({ proxy }) => {
        const gone = await s.connectTo({ port: proxy.port('main') })
        await gone.send('one')
        await gone.until('one')
        gone.end()
        await gone.closed()
        const client = await s.connectTo({ port: proxy.port('main') })
        await client.send('dead\n')
        const seen = await client.until('dead\n')
        await client.send('twice\n')
        s.note(`${seen.trim().replace('\n', ' | ')} | ${await client.closed()}`)
        client.destroy()
      }),
  )
})

feature('an access logger that does not come back', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'it is named, requests go on, and the next thread logs again',
    { onlyNuncio: OURS, sees: 'loop: 200, named in the log, saw /after' },
    s =>
      running(
        s,
        'endless-logger',
        {},
        async ({ proxy, head }) => {
          const status = /^HTTP\/1.1 (\d+)/.exec(await head('/loop'))?.[1]
          const seen = (what: string, sign: RegExp) =>
            proxy.waitFor(
              what,
              () => sign.exec(proxy.stderr)?.[0],
              () => proxy.stderr,
              15_000,
            )
          await seen('its name', /filter 'filter' has kept worker 0 in log/)
          await poll('the new thread', async () => (await head('/after')).startsWith('HTTP/1.1 200') || undefined)
          s.note(`loop: ${status}, named in the log, ${await seen('an entry', /saw \/after/)}`)
        },
        [],
        loggedBy('endless-logger'),
      ),
  )
})

feature('a filter that is debugged', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a breakpoint in the TypeScript file stops its worker, and the watchdog leaves it alone',
    { onlyNuncio: OURS, sees: 'stopped in onRequestHeaders at headers.ts, path = /p, 200 afterwards' },
    s =>
      running(
        s,
        'headers',
        { greeting: 'hello' },
        async ({ proxy, file, head }) => {
          const url = await proxy.waitFor(
            'the debugger',
            () => /listens on (ws:\S+)/.exec(proxy.stderr)?.[1],
            () => proxy.stderr,
            10_000,
          )
          const session = await Debugger.connect(url)
          await session.call('Debugger.enable')
          const script = await session.event(
            'Debugger.scriptParsed',
            ({ url }) => url === pathToFileURL(`${file}.js`).href,
          )
          const map = new SourceMap(
            JSON.parse(
              Buffer.from(String(script['sourceMapURL']).replace(/^.*base64,/, ''), 'base64').toString(),
            ) as SourceMapPayload,
          )
          const source = pathToFileURL(file).href
          const wanted =
            readFileSync(file, 'utf8')
              .split('\n')
              .findIndex(line => line.includes('request.headers.set')) + 1
          const { lineNumber, columnNumber } = generated(map, source, wanted - 1)
          await session.call('Debugger.setBreakpoint', {
            location: { scriptId: script['scriptId'], lineNumber, columnNumber },
          })
          const answer = head('/p')
          const paused = await session.event('Debugger.paused')
          const [frame] = paused['callFrames'] as {
            callFrameId: string
            functionName: string
            location: { lineNumber: number; columnNumber: number }
          }[]
          if (frame === undefined) throw new Error('no call frame')
          const at = map.findEntry(frame.location.lineNumber, frame.location.columnNumber)
          const where = 'originalSource' in at && at.originalSource === source ? path.basename(file) : 'elsewhere'
          const { result } = (await session.call('Debugger.evaluateOnCallFrame', {
            callFrameId: frame.callFrameId,
            expression: 'request.path',
          })) as { result: { value?: unknown } }
          // Longer than a hook may run when nobody looks at it.
          await new Promise(resolve => setTimeout(resolve, 1500))
          await session.call('Debugger.resume')
          const status = /^HTTP\/1.1 (\d+)/.exec(await answer)?.[1]
          s.note(`stopped in ${frame.functionName} at ${where}, path = ${String(result.value)}, ${status} afterwards`)
          session.close()
        },
        ['--inspect=127.0.0.1:0'],
      ),
  )
})

/** Where a line of a source begins in what was made of it. */
function generated(map: SourceMap, source: string, line: number): { lineNumber: number; columnNumber: number } {
  for (let lineNumber = 0; lineNumber < 5000; lineNumber++) {
    for (let columnNumber = 0; columnNumber < 80; columnNumber++) {
      const entry = map.findEntry(lineNumber, columnNumber)
      if ('originalSource' in entry && entry.originalSource === source && entry.originalLine === line)
        return { lineNumber: entry.generatedLine, columnNumber: entry.generatedColumn }
    }
  }
  throw new Error(`nothing was made of line ${line + 1}`)
}
