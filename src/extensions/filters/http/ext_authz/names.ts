import { builtIn } from '../../../../api/built-in.js'
import type { FilterContext } from '../../../../api/context.js'
import type { NameRule } from './settings.js'

/** Judges names of headers by lists of rules; regular expressions are RE2's, and native. */
export class Names {
  readonly #context: FilterContext

  constructor(context: FilterContext) {
    this.#context = context
  }

  /** One rule suffices. */
  match(rules: readonly NameRule[], name: string): boolean {
    return rules.some(rule => this.#fits(rule, name))
  }

  #fits({ kind, text, ignoresCase }: NameRule, name: string): boolean {
    // Names come in lower case.
    const wanted = ignoresCase ? text.toLowerCase() : text
    switch (kind) {
      case 'exact':
        return name === wanted
      case 'prefix':
        return name.startsWith(wanted)
      case 'suffix':
        return name.endsWith(wanted)
      case 'contains':
        return name.includes(wanted)
      case 'regex': {
        const context = builtIn.context(this.#context)
        return context.matchesText(context.tool(text), name)
      }
    }
  }
}
