// The bootstrap file is watched: a good new version is applied without losing a request, a bad one changes nothing.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { get } from '../support/bytes.js'
import { bootstrap, http } from '../support/config.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const OURS = 'real Envoy does not watch its bootstrap file'
const config = (text: string, more = ''): string =>
  bootstrap({
    clusters: [],
    listeners: [
      http('main', {
        hcm: 'access_log: []',
        routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "${text}"}}}]`,
      }),
    ],
    more,
  })

/** A proxy of its own, whose file this scenario changes, and what it answers now. */
async function running(
  s: Scene,
  act: (proxy: ProxyUnderTest, answer: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const proxy = await ProxyUnderTest.start({ config: config('one') })
  const answer = async (): Promise<string> => {
    const client = await s.connectTo({ port: proxy.port('main') })
    await client.send(get('/'))
    const response = await client.response()
    client.destroy()
    return response.body.toString()
  }
  try {
    await act(proxy, answer)
  } finally {
    await proxy.stop()
  }
}

const becomes = (answer: () => Promise<string>, text: string): Promise<true> =>
  poll(`the answer ${text}`, async () => (await answer()) === text || undefined)

feature('a changed file', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario('written in place', { onlyNuncio: OURS, sees: 'one, then two' }, s =>
    running(s, async (proxy, answer) => {
      const first = await answer()
      writeFileSync(proxy.configPath, config('two'))
      await becomes(answer, 'two')
      s.note(`${first}, then two`)
    }),
  )
  f.scenario('replaced by rename', { onlyNuncio: OURS, sees: 'two, then three' }, s =>
    running(s, async (proxy, answer) => {
      for (const text of ['two', 'three']) {
        writeFileSync(`${proxy.configPath}.new`, config(text))
        renameSync(`${proxy.configPath}.new`, proxy.configPath)
        await becomes(answer, text)
      }
      s.note('two, then three')
    }),
  )
  f.scenario('behind a symbolic link that is swapped', { onlyNuncio: OURS, sees: 'two, then three' }, async s => {
    // As a mounted Kubernetes ConfigMap changes: a link to a folder is replaced.
    const home = path.join(s.folder, 'mounted')
    const version = (name: string): void => {
      mkdirSync(path.join(home, name), { recursive: true })
      writeFileSync(path.join(home, name, 'proxy.yaml'), config(name))
      symlinkSync(name, path.join(home, 'next'))
      renameSync(path.join(home, 'next'), path.join(home, 'current'))
    }
    version('one')
    const proxy = await ProxyUnderTest.start({
      config: config('unused'),
      args: [],
      configPath: path.join(home, 'current/proxy.yaml'),
    })
    try {
      for (const text of ['two', 'three']) {
        version(text)
        await poll(`the answer ${text}`, async () => {
          const client = await s.connectTo({ port: proxy.port('main') })
          await client.send(get('/'))
          return (await client.response()).body.toString() === text || undefined
        })
      }
      s.note('two, then three')
    } finally {
      await proxy.stop()
    }
  })
  f.scenario('SIGHUP reads it at once', { onlyNuncio: OURS, sees: 'two' }, s =>
    running(s, async (proxy, answer) => {
      writeFileSync(proxy.configPath, config('two'))
      proxy.signal('SIGHUP')
      await becomes(answer, 'two')
      s.note('two')
    }),
  )
  f.scenario('a bad version is reported and changes nothing', { onlyNuncio: OURS, sees: 'still one, then two' }, s =>
    running(s, async (proxy, answer) => {
      writeFileSync(proxy.configPath, config('two').replace('prefix: /', 'prefixx: /'))
      await proxy.waitFor(
        'the report',
        () => (proxy.stderr.includes('prefixx') ? true : undefined),
        () => proxy.stderr,
      )
      s.note(`still ${await answer()}, then two`)
      writeFileSync(proxy.configPath, config('two'))
      await becomes(answer, 'two')
    }),
  )
  f.scenario(
    'no request is lost over twenty changes',
    { onlyNuncio: OURS, sees: 'every answer was whole, and the last version is served' },
    s =>
      running(s, async (proxy, answer) => {
        let going = true
        let bad = 0
        const load = async (): Promise<void> => {
          while (going) if (!/^v?\w+$/.test(await answer().catch(() => '?!'))) bad++
        }
        const workers = [load(), load(), load()]
        for (let version = 1; version <= 20; version++) {
          writeFileSync(`${proxy.configPath}.new`, config(`v${version}`))
          renameSync(`${proxy.configPath}.new`, proxy.configPath)
          await becomes(answer, `v${version}`)
        }
        going = false
        await Promise.all(workers)
        s.note(bad === 0 ? 'every answer was whole, and the last version is served' : `${bad} requests failed`)
      }),
  )
  f.scenario(
    'listeners that were drained stay closed',
    { onlyNuncio: OURS, sees: 'refused, and refused after it' },
    s =>
      running(s, async (proxy, answer) => {
        const state = (): Promise<string> =>
          answer().then(
            text => text,
            () => 'refused',
          )
        await answer()
        await proxy.admin('/drain_listeners', 'POST')
        await poll('closed ports', async () => (await state()) === 'refused' || undefined)
        writeFileSync(proxy.configPath, config('two'))
        await proxy.waitFor(
          'the reload',
          () => (proxy.stderr.includes('the new configuration is in use') ? true : undefined),
          () => proxy.stderr,
        )
        s.note(`refused, and ${await state()} after it`)
      }),
  )
})
