/** The candidate most like `name`, when it is like enough to be worth suggesting. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase()
  let best: string | undefined
  let bestScore = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const score = distance(wanted, candidate.toLowerCase())
    if (score < bestScore) [best, bestScore] = [candidate, score]
  }
  const isNear = bestScore <= Math.max(2, Math.ceil(wanted.length / 2.5)) && bestScore < wanted.length
  return isNear ? best : undefined
}

// Edits between the two, but a whole word left out or added ("port" for "port_value") counts as one.
function distance(a: string, b: string): number {
  const edits = editDistance(a, b)
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  const isWordOf = short.length > 2 && (long.startsWith(`${short}_`) || long.endsWith(`_${short}`))
  return isWordOf ? Math.min(edits, 1 + (long.length - short.length) / 100) : edits
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let edits = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + cost)
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwap) edits = Math.min(edits, at(beforeLast, column - 2) + 1)
      current.push(edits)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] as number
}
