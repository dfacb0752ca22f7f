// Filters in TypeScript over time: edited files, files that are broken, hooks that never come back.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { get } from '../support/bytes.js'
import { bootstrap, http } from '../support/config.js'
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
): Promise<void> {
  const folder = makeFolder()
  mkdirSync(path.join(folder, 'filters'))
  for (const name of [module, 'schema']) cpSync(`${fixtures}/${name}.ts`, path.join(folder, `filters/${name}.ts`))
  const proxy = await ProxyUnderTest.start({ config: config(module, settings), folder })
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
