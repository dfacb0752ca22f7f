#!/usr/bin/env node
// Nanoseconds of the HTTP/1 codecs: node bench/micro/h1.mjs [ROUNDS]
import { buildAddon, runWithAddon, sourcesBelow } from '../../scripts/lib/native-build.mjs'

const rounds = Number(process.argv[2] ?? 300_000)
const sources = ['native/http', 'native/node_abi'].flatMap(sourcesBelow).filter(path => !/regex|matcher/.test(path))
const addon = await buildAddon([...sources, 'bench/micro/h1.cc'], { flags: ['-O3'] })
process.exitCode =
  addon === undefined
    ? 1
    : runWithAddon(
        addon,
        `
  const { run } = test.exports
  for (const whole of [false, true]) {
    run(10000, whole)
    const times = Array.from({ length: 7 }, () => run(${rounds}, whole)).sort((a, b) => a - b)
    console.log((whole ? 'request and response, read and sent on' : 'request read, empty response written   ') + ': ' + times[0].toFixed(0) + ' ns (median ' + times[3].toFixed(0) + ')')
  }`,
      )
