import { fileURLToPath } from 'node:url'
import type { BuildOptions } from 'esbuild'

/** A path in the installed package. */
const own = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** What every bundle of a user's TypeScript has in common. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  sourcesContent: true,
  logLevel: 'silent',
  // A filter that is tried out in an empty folder finds zod beside the proxy.
  nodePaths: [own('node_modules'), own('..')],
} satisfies BuildOptions

/** Where `import … from 'nuncio'` leads when what runs is no filter of a running proxy. */
export const productAliases: Readonly<Record<string, string>> = {
  'nuncio/testing': own('dist/testing/index.js'),
  nuncio: own('dist/api/index.js'),
}
