import type { Place } from '../api/plan-context.js'

/** A filter that ends chains stands at the end of its own, and nothing else does. `shown`: "NAME of type TYPE". */
export function checkEnd(
  shown: string,
  definition: { readonly isTerminal: boolean },
  { isLast, called }: { readonly isLast: boolean; readonly called: string },
  at: Place,
): void {
  if (definition.isTerminal && !isLast)
    at.error(`Error: terminal filter named ${shown} must be the last filter in a ${called}.`)
  if (!definition.isTerminal && isLast)
    at.error(`Error: non-terminal filter named ${shown} is the last filter in a ${called}.`)
}
