// Takes out of a transcript what no two runs have in common, and nothing else.

export type Known = ReadonlyMap<string, string | number>

const RULES: readonly (readonly [RegExp, string])[] = [
  [/^((?:\w+-)*date: )[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/gim, '$1DATE'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
  [/^(x-\w+-upstream-service-time: )\d+$/gim, '$1MS'],
  [/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME'],
]

/** Names known ports (`127.0.0.1:$up`), dates, request ids, times, and the test's folder. */
export function normalise(text: string, known: Known): string {
  let out = text
  for (const [rule, by] of RULES) out = out.replace(rule, by)
  for (const [name, value] of known) {
    if (typeof value === 'number') {
      out = out
        .replaceAll(`127.0.0.1:${value}`, `127.0.0.1:$${name}`)
        .replaceAll(`127.0.0.1_${value}`, `127.0.0.1_$${name}`)
      out = out.replace(new RegExp(`("port_value": )${value}\\b`, 'g'), `$1"$${name}"`)
      out = out.replaceAll(`[::1]:${value}`, `[::1]:$${name}`)
    } else if (value !== '') {
      out = out.replaceAll(value, `$${name}`)
    }
  }
  return out.replace(/127\.0\.0\.(\d+):\d{4,5}\b/g, '127.0.0.$1:PORT')
}
