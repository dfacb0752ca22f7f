import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bundleOptions, productAliases } from '../script/bundle-options.js'

/** `nuncio test`: runs tests written in TypeScript with node:test; without files, all `*.test.ts` below `folder`. The answer is the exit code. */
export async function testFilters(files: readonly string[], folder: string): Promise<number> {
  const tests = files.length > 0 ? files : testsBelow(folder)
  if (tests.length === 0) {
    process.stderr.write('error: there is no *.test.ts here; nuncio test FILE… runs the tests in files\n')
    return 1
  }
  const outdir = mkdtempSync(path.join(tmpdir(), 'nuncio-test-'))
  try {
    // Loaded here and not above: this is the one command that needs it.
    const { build } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
    mkdirSync(outdir, { recursive: true })
    await build({
      ...bundleOptions,
      logLevel: 'error',
      entryPoints: tests.map(test => path.resolve(folder, test)),
      alias: productAliases,
      outdir,
      outbase: folder,
      format: 'esm',
      outExtension: { '.js': '.mjs' },
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
      },
    })
    const built = readdirSync(outdir, { recursive: true })
      .map(String)
      .filter(name => name.endsWith('.mjs'))
    return await run(['--enable-source-maps', '--test', ...built.map(name => path.join(outdir, name))])
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`)
    return 1
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
}

function testsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter(name => /\.test\.[mc]?ts$/.test(name) && !name.split(path.sep).includes('node_modules'))
}

function run(args: readonly string[]): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    child.on('close', code => resolve(code ?? 1))
  })
}
