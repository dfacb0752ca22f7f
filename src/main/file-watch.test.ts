import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../support/clock.js'
import { FileWatch } from './file-watch.js'
import { namesThatCount } from './files-watch.js'

/** A watched file in a folder of its own; `change` does something and waits until it is noticed. */
async function watching(
  prepare: (folder: string) => string,
  body: (folder: string, change: (action: () => void) => Promise<void>, calls: () => number) => Promise<void>,
) {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'nuncio-watch-')))
  const file = prepare(folder)
  let calls = 0
  let noticed = () => {}
  const watch = new FileWatch({
    file,
    clock: systemClock,
    onChange: () => {
      calls++
      noticed()
    },
    onError: assert.fail,
  })
  const change = async (action: () => void) => {
    const called = new Promise<void>(resolve => {
      noticed = resolve
    })
    action()
    await called
  }
  try {
    await body(folder, change, () => calls)
  } finally {
    watch.close()
    rmSync(folder, { recursive: true })
  }
}

const plainFile = (folder: string) => {
  const file = path.join(folder, 'envoy.yaml')
  writeFileSync(file, 'one')
  return file
}

test('an edit in place', () =>
  watching(plainFile, async (folder, change) => {
    await change(() => writeFileSync(path.join(folder, 'envoy.yaml'), 'two'))
  }))

test('a new file renamed over the old one, twice', () =>
  watching(plainFile, async (folder, change) => {
    for (const text of ['two', 'three']) {
      await change(() => {
        writeFileSync(path.join(folder, 'new'), text)
        renameSync(path.join(folder, 'new'), path.join(folder, 'envoy.yaml'))
      })
    }
  }))

test('the folder swap of Kubernetes: envoy.yaml → ..data/envoy.yaml, ..data → a folder that is replaced', () =>
  watching(
    folder => {
      mkdirSync(path.join(folder, '..1'))
      writeFileSync(path.join(folder, '..1/envoy.yaml'), 'one')
      symlinkSync('..1', path.join(folder, '..data'))
      symlinkSync('..data/envoy.yaml', path.join(folder, 'envoy.yaml'))
      return path.join(folder, 'envoy.yaml')
    },
    async (folder, change) => {
      for (const version of ['2', '3']) {
        await change(() => {
          mkdirSync(path.join(folder, `..${version}`))
          writeFileSync(path.join(folder, `..${version}/envoy.yaml`), version)
          symlinkSync(`..${version}`, path.join(folder, '..tmp'))
          renameSync(path.join(folder, '..tmp'), path.join(folder, '..data'))
          rmSync(path.join(folder, `..${Number(version) - 1}`), { recursive: true })
        })
      }
    },
  ))

test('neighbours, the same bytes again, and an emptied file call nobody', () =>
  watching(plainFile, async (folder, change, calls) => {
    writeFileSync(path.join(folder, 'neighbour'), 'x')
    writeFileSync(path.join(folder, 'envoy.yaml'), '')
    await new Promise(resolve => systemClock.after(250, () => resolve(undefined)))
    writeFileSync(path.join(folder, 'envoy.yaml'), 'one')
    await new Promise(resolve => systemClock.after(250, () => resolve(undefined)))
    assert.equal(calls(), 0)
    await change(() => writeFileSync(path.join(folder, 'envoy.yaml'), 'two'))
    assert.equal(calls(), 1)
  }))

test('every link on the way counts, in its folder', () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'nuncio-watch-')))
  mkdirSync(path.join(folder, 'real/deep'), { recursive: true })
  symlinkSync('real', path.join(folder, 'link'))
  writeFileSync(path.join(folder, 'real/deep/f'), '')
  symlinkSync('../link/deep/f', path.join(folder, 'real/f'))
  assert.deepEqual(
    namesThatCount(path.join(folder, 'link/f')),
    new Map([
      [folder, new Set(['link'])],
      [path.join(folder, 'real'), new Set(['f'])],
      [path.join(folder, 'real/deep'), new Set(['f'])],
    ]),
  )
  rmSync(folder, { recursive: true })
})

test('neighbours are not even looked at', async () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'nuncio-watch-')))
  let looks = 0
  const clock = {
    now: systemClock.now,
    after: (ms: number, callback: () => void) => {
      looks++
      return systemClock.after(ms, callback)
    },
  }
  const watch = new FileWatch({ file: plainFile(folder), clock, onChange: () => {}, onError: assert.fail })
  for (let count = 0; count < 5; count++) writeFileSync(path.join(folder, 'access.log'), 'line')
  await new Promise(resolve => setTimeout(resolve, 150))
  assert.equal(looks, 0)
  watch.close()
  rmSync(folder, { recursive: true })
})
