// Ten thousand prefix routes, each in the language of its proxy. All lead to the same upstream, so only
// the cost of finding one differs.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const kManyRoutes = 10_000

/** @param {number} index @returns {string} the prefix of one route; the last part differs, as in real tables */
export function routePath(index) {
  return `/service/${String(index).padStart(5, '0')}/`
}

const kIndexes = Array.from({ length: kManyRoutes }, (_, i) => i)

/** By language: the route table; `pass` is how nginx hands a request on. @type {Record<"one" | "many", Record<string, (folder: string, pass: string) => string>>} */
export const kRouteTables = {
  one: {
    nginx: (_, pass) => `location / { ${pass}; }`,
    haproxy: () => 'default_backend origin',
    envoy: () => JSON.stringify([envoyRoute('/')]),
  },
  many: {
    nginx: (_, pass) => kIndexes.map(i => `location ${routePath(i)} { ${pass}; }`).join('\n'),
    haproxy: folder => {
      const map = join(folder, 'routes.map')
      writeFileSync(map, kIndexes.map(i => `${routePath(i)} origin\n`).join(''))
      return `use_backend %[path,map_beg(${map})]`
    },
    envoy: () => JSON.stringify(kIndexes.map(i => envoyRoute(routePath(i)))),
  },
}

/**
 * One route for all, and one that no filter of these names sees.
 * @param {string[]} filters
 */
export function routesBeside(filters) {
  const off = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', disabled: true }
  return JSON.stringify([
    { ...envoyRoute('/native'), typed_per_filter_config: Object.fromEntries(filters.map(name => [name, off])) },
    envoyRoute('/'),
  ])
}

/** @param {string} prefix */
function envoyRoute(prefix) {
  return { match: { prefix }, route: { cluster: 'origin' } }
}
