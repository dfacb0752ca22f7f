// Runs a folder of configs and request scripts against the target and prints what each client got, as JSON.
// The folder has pairs NAME.yaml and NAME.script. A script has sections: `> LISTENER` and the bytes a new client sends there,
// `< UPSTREAM` and the bytes of that upstream's next answer; lines end in CRLF, \xNN is a byte, a line `\` joins without CRLF, # comments.
// An upstream without a scripted answer sends back what it got. `${name}` in a config is the port of upstream `name`; listeners bind port 0.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { answer, showBytes } from './bytes.js'
import { fill } from './config.js'
import { FakeUpstream } from './fake-upstream.js'
import { normalise } from './normalise.js'
import { makeFolder, ProxyUnderTest } from './proxy-under-test.js'
import { RawClient } from './raw-client.js'

interface Section {
  readonly kind: '>' | '<'
  readonly name: string
  readonly bytes: string
}

export function readScript(text: string): Section[] {
  const sections: { kind: '>' | '<'; name: string; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    const start = /^([<>]) (\w+)$/.exec(line)
    if (start?.[1] === '>' || start?.[1] === '<') sections.push({ kind: start[1], name: start[2] ?? '', lines: [] })
    else if (!line.startsWith('#')) sections.at(-1)?.lines.push(line)
  }
  return sections.map(({ kind, name, lines }) => {
    // The blank line that stands before the next section belongs to the layout of the file.
    const kept = lines.at(-1) === '' ? lines.slice(0, -1) : lines
    const bytes = kept.map(line => (line.endsWith('\\') ? line.slice(0, -1) : `${line}\r\n`)).join('')
    return {
      kind,
      name,
      bytes: bytes.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    }
  })
}

/** What the clients of one pair got, one after the other. */
async function runPair(config: string, script: readonly Section[]): Promise<string> {
  const values = new Map<string, string | number>()
  const upstreams: FakeUpstream[] = []
  for (const name of new Set([...config.matchAll(/\$\{(\w+)\}/g)].map(found => found[1] ?? ''))) {
    if (name === 'tmp') continue
    const upstream = await FakeUpstream.start(name)
    upstream.always((connection, request) => void connection.send(answer(200, request.bytes.toString('latin1'))))
    upstreams.push(upstream)
    values.set(name, upstream.port)
  }
  const folder = makeFolder()
  values.set('tmp', folder)
  const lines: string[] = []
  let proxy: ProxyUnderTest | undefined
  try {
    proxy = await ProxyUnderTest.start({ config: fill(config, values), folder })
    for (const section of script) {
      if (section.kind === '<') {
        upstreams.find(upstream => upstream.name === section.name)?.script(section.bytes)
        continue
      }
      const client = await RawClient.connect({ port: proxy.port(section.name) })
      await client.send(section.bytes)
      await client
        .response()
        .catch((error: unknown) => lines.push(error instanceof Error ? (error.message.split(';')[0] ?? '') : ''))
      if (client.responses.at(-1)?.headers.get('connection') === 'close') await client.closed().catch(() => undefined)
      lines.push(showBytes(client.received), `(${client.state})`)
      client.destroy()
    }
  } catch (error) {
    lines.push(`did not start: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`)
  } finally {
    await proxy?.stop()
    for (const upstream of upstreams) await upstream.stop()
  }
  return normalise(lines.join('\n'), values)
}

async function main(folder: string): Promise<void> {
  const results: Record<string, string> = {}
  for (const file of readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .sort()) {
    const base = path.join(folder, file.slice(0, -'.yaml'.length))
    results[path.basename(base)] = await runPair(
      readFileSync(`${base}.yaml`, 'utf8'),
      readScript(readFileSync(`${base}.script`, 'latin1')),
    )
  }
  process.stdout.write(JSON.stringify(results))
}

if (process.argv[1]?.endsWith('differential.js') === true) await main(process.argv[2] ?? '.')
