// Hooks of heads, which cross to JavaScript together: those of filters that follow each other, and those of a turn's streams.
import { fileURLToPath } from 'node:url'
import { get } from '../support/bytes.js'
import { bootstrap, http } from '../support/config.js'
import { H2Client } from '../support/h2-peers.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'

const OURS = 'real Envoy has no filters in TypeScript'
const steps = fileURLToPath(new URL('../../../test/fixtures/filters/steps.ts', import.meta.url))
// More than it takes until what a hook reads is read ahead for it.
const ROUNDS = 24

interface Told {
  readonly steps: string
  readonly failOpen?: boolean
}

/** A chain of filters a, b, c … that do what they are told. */
const chain = (list: readonly Told[]): string =>
  bootstrap({
    clusters: [],
    listeners: [
      http('main', {
        hcm: JSON.stringify({
          access_log: [],
          codec_type: 'AUTO',
          http_filters: [
            ...list.map((told, i) => ({
              name: 'abcdef'[i],
              typed_config: {
                '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
                module: steps,
                config: { id: 'abcdef'[i], steps: told.steps },
                fail_open: told.failOpen ?? false,
              },
            })),
            {
              name: 'router',
              typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
            },
          ],
        }),
        routes: `[{match: {prefix: /}, direct_response: {status: 204}}]`,
      }),
    ],
  })

async function running(list: readonly Told[], act: (proxy: ProxyUnderTest) => Promise<void>): Promise<void> {
  const proxy = await ProxyUnderTest.start({ config: chain(list) })
  try {
    await act(proxy)
  } finally {
    await proxy.stop()
  }
}

/** The answers to the same request, many times over: as long as they are all the same, one. */
async function answers(s: Scene, list: readonly Told[], request: string): Promise<string> {
  const seen = new Set<string>()
  await running(list, async proxy => {
    const client = await s.connectTo({ port: proxy.port('main') })
    for (let round = 0; round < ROUNDS; ++round) {
      await client.send(request)
      const { head, body } = await client.response()
      seen.add(`${/^HTTP\/1.1 (\d+)/.exec(head.toString())?.[1]} ${body.toString().trim().replaceAll(/ *\n/g, ' | ')}`)
    }
    client.destroy()
  })
  return [...seen].join(' / ')
}

feature('heads that filters in TypeScript read and write', { file: import.meta.url, withoutProxy: true }, f => {
  for (const [what, list, request, sees] of [
    [
      'a filter sees what those before it wrote',
      [
        { steps: 'get x-in; copy x-in x-out; set x-fix one; get x-fix; get x-none' },
        { steps: 'get x-in; get x-out; get x-fix; set x-fix two; append x-list b; get x-list' },
        { steps: 'get x-fix; all x-list; delete x-in; get x-in; set x-path PATH; show' },
      ],
      get('/p', 'x-in: 1'),
      '200 :authority: a | x-out: 1 | x-fix: two | x-seen-a: 1,one,undefined | x-list: b | x-seen-b: 1,1,one,b | x-path: /p | x-seen-c: two,b,undefined',
    ],
    [
      'one header under several spellings',
      [
        { steps: 'get Host; set HOST other; get :authority; set X-Case A; get x-case; set x-CASE b; get X-Case' },
        { steps: 'get host; get x-case; append X-CASE c; get x-case; all x-Case; show' },
      ],
      get('/'),
      '200 :authority: other | x-case: b | x-seen-a: a,other,A,b | x-case: c | x-seen-b: other,b,b,b+c',
    ],
    [
      'values that are long, or no plain text',
      [
        { steps: 'set x-word ä; get x-word; set x-long LONG; set x-word é€; get x-word' },
        { steps: 'get x-word; delete x-long; get x-long; set x-empty ; get x-empty; show' },
      ],
      get('/'),
      '200 :authority: a | x-word: é€ | x-seen-a: ä,é€ | x-empty: | x-seen-b: é€,undefined,',
    ],
    [
      'repeated values: the first is read, all are replaced',
      [{ steps: 'get x-many; append x-many 3; get x-many; all x-many; set x-many 4; get x-many; all x-many; show' }],
      get('/', 'x-many: 1', 'x-many: 2'),
      '200 :authority: a | x-many: 4 | x-seen-a: 1,1,1+2+3,4,4',
    ],
    [
      'a body in place of none: filters behind see its length',
      [{ steps: 'set x-a 1; replace hello' }, { steps: 'get content-length; get x-a; show' }],
      get('/'),
      '200 :authority: a | x-a: 1 | x-seen-a: | content-length: 5 | x-seen-b: 5,1',
    ],
    [
      'a hook that waits goes on with what it wrote before, and others behind it with all of it',
      [{ steps: 'get x-in; set x-a 1' }, { steps: 'set x-a 2; wait; get x-a; set x-a 3' }, { steps: 'get x-a; show' }],
      get('/', 'x-in: 1'),
      '200 :authority: a | x-in: 1 | x-a: 3 | x-seen-a: 1 | x-seen-b: 2 | x-seen-c: 3',
    ],
    [
      'one that fails, and fails open: what it wrote stays, those behind it run',
      [{ steps: 'set x-a 1' }, { steps: 'set x-a 2; throw', failOpen: true }, { steps: 'get x-a; show' }],
      get('/throw'),
      '200 :authority: a | x-a: 2 | x-seen-a: | x-seen-c: 2',
    ],
    [
      'one that fails, and fails closed',
      [{ steps: 'set x-a 1' }, { steps: 'throw' }, { steps: 'show' }],
      get('/throw'),
      '500 Internal Server Error',
    ],
    [
      'a value that is none',
      [{ steps: 'set x-a 1', failOpen: true }, { steps: 'set x-a LF', failOpen: true }, { steps: 'get x-a; show' }],
      get('/'),
      '200 :authority: a | x-a: 1 | x-seen-a: | x-seen-c: 1',
    ],
  ] as const)
    f.scenario(what, { onlyNuncio: OURS, sees }, async s => s.note(await answers(s, list, request)))
})

feature('streams whose heads come in one turn', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario('each has its own headers', { onlyNuncio: OURS, sees: '240 right of 240' }, s =>
    running(
      [{ steps: 'copy x-in x-a; set x-path PATH' }, { steps: 'get x-a; copy x-path x-b' }, { steps: 'get x-b; show' }],
      async proxy => {
        const client = await H2Client.connect(proxy.port('main'))
        const ask = async (i: number) => {
          const { body } = await client.request({ ':path': `/${i}`, 'x-in': `in-${i}` })
          const wanted = [`:authority: a`, `x-in: in-${i}`, `x-a: in-${i}`, `x-path: /${i}`, 'x-seen-a: ', `x-b: /${i}`]
          return body.toString() === `${[...wanted, `x-seen-b: in-${i}`, `x-seen-c: /${i}`].join('\n')}\n` ? 1 : 0
        }
        let right = 0
        for (let round = 0; round < 6; ++round) {
          const together = Array.from({ length: 40 }, (_, i) => ask(round * 40 + i))
          for (const one of await Promise.all(together)) right += one
        }
        client.close()
        s.note(`${right} right of 240`)
      },
    ),
  )
  f.scenario(
    'one whose filter does not come back: it fails, the others are answered',
    { onlyNuncio: OURS, sees: "200 200 500 200 200 200, filter 'b' has kept worker 0 in onRequestHeaders" },
    s =>
      running([{ steps: 'set x-a 1' }, { steps: 'loop' }, { steps: 'get x-a; show' }], async proxy => {
        const client = await H2Client.connect(proxy.port('main'))
        const paths = ['/1', '/2', '/loop', '/4', '/5', '/6']
        const seen = await Promise.all(paths.map(path => client.request({ ':path': path })))
        client.close()
        const named = await proxy.waitFor(
          'its name',
          () => /filter '\w+' has kept worker 0 in \w+/.exec(proxy.stderr)?.[0],
          () => proxy.stderr,
          10_000,
        )
        s.note(`${seen.map(one => one.status).join(' ')}, ${named}`)
      }),
  )
})
