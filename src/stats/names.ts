/** A name as a part of a stat's name, as Envoy makes it safe: "://", ":/", ":" and NUL become "_". */
export function sanitizeName(name: string): string {
  return name.replace(/:\/{0,2}|\0/g, '_')
}

/** The stat of a response-code id as the addon counts it: a code (100..599), a class (1..5), 0 for codes outside. */
export function responseCodeStat(id: number): string {
  if (id === 0) return 'upstream_rq_unknown'
  return id < 10 ? `upstream_rq_${id}xx` : `upstream_rq_${id}`
}
