// Fuzzes the loader and the compiler of configurations, in all four formats: own examples and goldens, changed as text and as trees.
//
//   node scripts/fuzz.mjs config [--seconds=600] [--seed=N]
//
// Whatever comes in, what comes out is a Result: nothing is thrown, nothing takes longer than kSlowMs, and every error says where (a
// field path, or for what is no document at all the file). Inputs whose answer is of a new kind are kept and changed further.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { parse, stringify } from 'yaml'

const kSlowMs = 10_000
const kFormats = ['yaml', 'json', 'pb_text', 'pb']
const kSeeds = [
  'examples/quickstart.yaml',
  'src/extensions/filters/network/tcp_proxy/example.yaml',
  ...['front-proxy', 'refused', 'tcp', 'tuning'].map(name => `test/golden/plan/${name}.yaml`),
  ...['extensions', 'mistakes', 'old-api'].map(name => `test/golden/config/${name}.yaml`),
]
// biome-ignore format: a list of small things
const kWords = [
  '~', 'null', 'true', '-1', '0', '1e400', '.nan', '0x7fffffffffffffff', '18446744073709551616', '"', "'", '""', '[]',
  '{}', '[[[[', '{a: ', '- ', ': ', '\n', '\t', '  ', '&a ', '*a', '<<: *a', '!!binary ', '!!str ', '|', '>-',
  '%YAML 1.1\n---\n', '---\n', '...', '#', '\0', '\ufeff', '\ud800', 'é', '1.5s', '-1s', '99999999999999s',
  '0.0000000001s', '"@type": ', 'type.googleapis.com/', 'typed_config', 'name', '__proto__', 'constructor',
  'toString', 'listeners', 'static_resources', 'routes', 'match', '(?=', '[', '%REQ(', '%', '${', '300.0.0.1',
  '::1%eth0', '65536', 'envoy.config.core.v3.Address', 'google.protobuf.Any', 'google.protobuf.Struct',
  'udpa.type.v1.TypedStruct',
]
// biome-ignore format: a list of small things
const kValues = [
  null, true, false, 0, -1, 1, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 0.5, '', 'a', '~', '-1', '1s', '0.5s', '1e9s',
  '\0', '\ud800', 'x'.repeat(3000), [], {}, [[]], [{}], { a: { b: { c: {} } } },
  { '@type': 'type.googleapis.com/google.protobuf.Any', value: {} },
  { '@type': 'type.googleapis.com/nothing.like.it' }, JSON.parse('{"__proto__": {"a": 1}, "constructor": 1}'),
]

/** xorshift: a run can be repeated from its seed. */
class Chance {
  #state
  constructor(seed) {
    this.#state = seed | 1
  }
  below(limit) {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) % limit
  }
  of(list) {
    return list[this.below(list.length)]
  }
}

/** Every object and list of a tree with its owner: where a change can be made. */
function places(tree, found = []) {
  if (typeof tree !== 'object' || tree === null) return found
  for (const key of Object.keys(tree)) {
    found.push([tree, key])
    places(tree[key], found)
  }
  return found
}

function changeTree(tree, other, chance) {
  const root = { tree: structuredClone(tree) }
  for (let changes = 1 + chance.below(chance.below(3) === 0 ? 4 : 1); changes > 0; changes--) {
    const [owner, key] = chance.of(places(root)) ?? []
    if (owner === undefined) break
    const [donor, part] = chance.of(places({ tree: other }))
    const kind = chance.below(7)
    if (kind === 0) owner[key] = structuredClone(chance.of(kValues))
    else if (kind === 1) owner[key] = structuredClone(donor[part])
    else if (kind === 2 && Array.isArray(owner)) owner.push(structuredClone(chance.of([owner[key], donor[part]])))
    else if (kind === 2)
      Object.defineProperty(owner, part, {
        value: structuredClone(donor[part]),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    else if (kind === 3 && !Array.isArray(owner)) {
      const name = chance.of([`${key}s`, key.replace(/_(.)/g, (_, c) => c.toUpperCase()), chance.of(kWords), part])
      Object.defineProperty(owner, name, { value: owner[key], enumerable: true, configurable: true, writable: true })
      delete owner[key]
    } else if (kind === 4) delete owner[key]
    else if (kind === 5 && typeof owner[key] === 'string')
      owner[key] = owner[key].slice(0, chance.below(8)) + chance.of(kWords)
    else if (kind === 5) owner[key] = [owner[key], owner[key]]
    else
      for (let depth = chance.below(2) === 0 ? 3 : 300; depth > 0; depth--)
        owner[key] = chance.below(2) ? { a: owner[key] } : [owner[key]]
  }
  return root.tree
}

function changeText(text, other, chance) {
  let bytes = text
  for (let changes = 1 + chance.below(5); changes > 0; changes--) {
    const at = chance.below(bytes.length + 1)
    const end = Math.min(bytes.length, at + chance.below(chance.below(4) === 0 ? 400 : 12))
    const from = chance.below(other.length + 1)
    const [head, middle, tail] = [bytes.slice(0, at), bytes.slice(at, end), bytes.slice(end)]
    const kind = chance.below(6)
    if (kind === 0) bytes = head + tail
    else if (kind === 1) bytes = head + middle + middle + tail
    else if (kind === 2) bytes = head + chance.of(kWords) + bytes.slice(at)
    else if (kind === 3) bytes = head + chance.of(kWords) + tail
    else if (kind === 4) bytes = head + other.slice(from, from + chance.below(200)) + tail
    else bytes = head + String.fromCharCode(chance.below(256)) + bytes.slice(at + 1)
  }
  return bytes.slice(0, 200_000)
}

/** A tree in the text format of protobuf, as far as it has one. */
function textProto(tree, indent = '') {
  if (typeof tree !== 'object' || tree === null) return ''
  let text = ''
  for (const [key, value] of Object.entries(tree)) {
    if (key === '@type') continue
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one === 'object' && one !== null) {
        const inner = textProto(one, `${indent}  `)
        const any = typeof one['@type'] === 'string' ? `${indent}  [${one['@type']}] {\n${inner}${indent}  }\n` : inner
        text += `${indent}${key} {\n${any}${indent}}\n`
      } else if (typeof one === 'string' && !/^[A-Z_]+$/.test(one)) text += `${indent}${key}: ${JSON.stringify(one)}\n`
      else text += `${indent}${key}: ${one}\n`
    }
  }
  return text
}

function written(tree, format, chance) {
  if (format === 'json') return JSON.stringify(tree, null, chance.below(3))
  if (format === 'pb_text') return textProto(tree)
  try {
    return stringify(tree, { aliasDuplicateObjects: false })
  } catch {
    return JSON.stringify(tree)
  }
}

/** Loads and compiles a file as the compile thread does. */
async function loader(root) {
  const dist = name => import(path.join(root, 'dist', name))
  const [config, { compileBootstrap }, { Slots }, { makeExtensionRegistry }, { loadExtensions }, { loadAddon }, wire] =
    await Promise.all([
      dist('config/index.js'),
      dist('plan/compile.js'),
      dist('plan/ids.js'),
      dist('config/extension-registry.js'),
      dist('generated/extensions.js'),
      dist('native/addon.js'),
      import('@bufbuild/protobuf'),
    ])
  const types = config.openTypes()
  const registry = makeExtensionRegistry(await loadExtensions())
  // A file a configuration names is not this test's business.
  const files = { read: () => undefined, list: () => undefined }
  const load = (file, allowUnknownFields) => {
    const loaded = config.loadBootstrap({ types, path: file, allowUnknownFields })
    if (!loaded.ok) return { stage: 'load', errors: loaded.error }
    const { bootstrap, sources, warnings } = loaded.value
    const compiled = compileBootstrap(bootstrap, {
      types,
      registry,
      sources,
      slots: new Slots({ clusters: new Map(), listeners: new Map(), routeTables: new Map() }),
      node: { id: 'n', cluster: 'c' },
      files,
      environment: {},
      checkRegex: text => loadAddon().checkRegex(text),
      backlog: 128,
    })
    if (!compiled.ok) return { stage: 'compile', errors: compiled.error }
    return { stage: 'done', errors: [], warnings: [...warnings, ...compiled.value.warnings] }
  }
  const binary = file => {
    const loaded = config.loadBootstrap({ types, path: file })
    return loaded.ok
      ? wire.toBinary(types.message(loaded.value.bootstrap.$typeName), loaded.value.bootstrap)
      : undefined
  }
  return { load, binary, print: config.printConfigError }
}

function check(answer, print) {
  for (const error of [...answer.errors, ...(answer.warnings ?? [])]) {
    if (typeof error.path !== 'string' || typeof error.message !== 'string' || error.message === '')
      throw new Error(`an error without words: ${JSON.stringify(error)}`)
    if (error.path === '' && error.file === undefined) throw new Error(`an error of nowhere: ${print(error)}`)
    if (print(error).length > 100_000) throw new Error('an error without end')
  }
  if (answer.stage !== 'done' && answer.errors.length === 0)
    throw new Error(`refused without a reason in ${answer.stage}`)
}

const kindOf = (answer, format) =>
  `${format} ${answer.stage} ` +
  [
    ...new Set(
      answer.errors.map(
        ({ code, path: at, message }) =>
          `${code} ${at
            .replace(/\[[^\]]*\]/g, '')
            .split('.')
            .at(-1)} ${message.replace(/["'].*["']|\d+/g, '')}`,
      ),
    ),
  ]
    .sort()
    .slice(0, 3)
    .join(' | ')
    .slice(0, 300)

async function run({ root, seconds, seed, folder, beats }) {
  const { load, binary, print } = await loader(root)
  const chance = new Chance(seed)
  const trees = kSeeds.map(name =>
    parse(readFileSync(path.join(root, name), 'utf8'), { uniqueKeys: false, logLevel: 'silent' }),
  )
  const texts = [
    ...kSeeds.map(name => ['yaml', readFileSync(path.join(root, name), 'latin1')]),
    ...trees.flatMap(tree => [
      ['json', JSON.stringify(tree)],
      ['pb_text', textProto(tree)],
    ]),
    ...kSeeds.flatMap(name => {
      const bytes = binary(path.join(root, name))
      return bytes === undefined ? [] : [['pb', Buffer.from(bytes).toString('latin1')]]
    }),
  ]
  const stages = { load: 0, compile: 0, done: 0 }
  const kinds = new Set()
  const times = Object.fromEntries(kFormats.map(format => [format, 0]))
  const started = performance.now()
  let [runs, told, slowest] = [0, 0, 0]
  while (performance.now() - started < seconds * 1000) {
    let tree
    let [format, text] = chance.of(texts)
    if (chance.below(2) === 0) {
      tree = changeTree(chance.of(trees), chance.of(trees), chance)
      format = chance.of(['yaml', 'json', 'pb_text'])
      text = written(tree, format, chance) ?? ''
    } else if (runs >= texts.length) text = changeText(text, chance.of(texts)[1], chance)
    const file = path.join(folder, `input.${format}`)
    writeFileSync(file, text, format === 'pb' || chance.below(2) === 0 ? 'latin1' : 'utf8')
    Atomics.store(beats, 1, kFormats.indexOf(format))
    Atomics.add(beats, 0, 1)
    const before = performance.now()
    const answer = load(file, chance.below(4) === 0)
    check(answer, print)
    slowest = Math.max(slowest, performance.now() - before)
    runs++
    stages[answer.stage]++
    times[format]++
    const kind = kindOf(answer, format)
    if (!kinds.has(kind) && kinds.size < 20_000) {
      kinds.add(kind)
      if (text.length < 100_000) texts.push([format, text])
      if (answer.stage !== 'load' && typeof tree === 'object' && tree !== null && text.length < 100_000)
        trees.push(tree)
    }
    if (performance.now() - started > told * 1000) {
      told += 60
      parentPort.postMessage(
        `config: ${Math.round((performance.now() - started) / 1000)} s, ${runs} runs (${kFormats.map(name => `${name} ${times[name]}`).join(', ')}), refused by the loader ${stages.load}, by the compiler ${stages.compile}, accepted ${stages.done}; ${kinds.size} kinds of answers, the slowest took ${Math.round(slowest)} ms`,
      )
      // Lets the message out.
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  parentPort.postMessage(`config: ${runs} runs, nothing open`)
}

/** @returns {Promise<number>} the exit code; what went wrong is left in `folder` */
export function fuzzConfig(root, seconds, folder, seed) {
  mkdirSync(folder, { recursive: true })
  const beats = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL(import.meta.url), { workerData: { root, seconds, seed, folder, beats } })
  worker.on('message', line => console.log(line))
  let last = -1
  return new Promise(resolve => {
    const fail = reason => {
      console.error(`${reason}\nthe input is in ${folder}/input.${kFormats[Atomics.load(beats, 1)]}; seed ${seed}`)
      resolve(1)
    }
    const timer = setInterval(() => {
      const now = Atomics.load(beats, 0)
      if (now === last) fail(`no answer within ${kSlowMs} ms`)
      last = now
    }, kSlowMs)
    worker.on('error', error => fail(error.stack))
    worker.on('exit', code => {
      clearInterval(timer)
      resolve(code)
    })
  })
}

if (!isMainThread) await run(workerData)
