// Runs a bundle of dist/ with V8's code cache beside it: without one, half of the time to start goes to compiling.
//   NUNCIO_WRITE_CODE_CACHE=1  writes the cache when the thread ends (scripts/build.mjs)
const { readFileSync, renameSync, statSync, writeFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { dirname } = require('node:path')
const { constants, Script } = require('node:vm')

/** Milliseconds; 0 when there is no such file. */
const madeAt = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Is there a bundle, newer than the module it was made from? */
exports.isFresh = (bundle, module) => madeAt(bundle) > madeAt(module)

/** The exports of a CommonJS file of ASCII text. A cache of another text, another V8 or other flags is not used. */
exports.load = path => {
  const cache = `${path}.cache`
  // V8 compares only the length of the text.
  const cachedData = madeAt(cache) >= madeAt(path) ? readFileSync(cache) : undefined
  const script = new Script(wrap(readFileSync(path, 'latin1')), {
    filename: path,
    cachedData,
    importModuleDynamically: constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  if (process.env.NUNCIO_WRITE_CODE_CACHE === '1') {
    process.on('exit', () => {
      writeFileSync(`${cache}.new`, script.createCachedData())
      renameSync(`${cache}.new`, cache)
    })
  }
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path))
  return module.exports
}
