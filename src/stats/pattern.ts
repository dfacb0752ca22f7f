import { err, ok, type Result } from '../support/result.js'
import type { StatsMatcherSettings, TextPattern } from './settings.js'

const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
  space: '\\s',
  punct: '!-/:-@\\[-`{-~',
  blank: '\\t ',
}

/**
 * A regular expression written for RE2, for names and not for traffic. What RE2 has and JavaScript writes otherwise
 * ((?i) in front, \A, \z, [[:digit:]], (?P<name>…)) is rewritten; what RE2 refuses (look-around, back-references) is refused.
 */
export function compileRegex(pattern: string): Result<RegExp, string> {
  if (/\(\?(?:[=!]|<[=!])/.test(pattern)) return err(`invalid perl operator: ${/\(\?<?[=!]/.exec(pattern)?.[0] ?? ''}`)
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9]/.test(pattern))
    return err(`invalid escape sequence: ${/\\[1-9]/.exec(pattern)?.[0] ?? ''}`)
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const body = (flags ? pattern.slice(flags[0].length) : pattern)
    .replace(/\[:(\w+):\]/g, (whole, name: string) => posixClasses[name] ?? whole)
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\(\?P</g, '(?<')
  try {
    return ok(new RegExp(body, flags?.[1] ?? ''))
  } catch (error) {
    return err(describe(pattern, error instanceof Error ? error.message : String(error)))
  }
}

/** RE2's words for the mistakes that are made most. */
function describe(pattern: string, message: string): string {
  if (/Unterminated group/.test(message)) return `missing ): ${pattern}`
  if (/Unmatched '\)'/.test(message)) return `unexpected ): ${pattern}`
  if (/Unterminated character class/.test(message)) return `missing ]: ${pattern.slice(pattern.indexOf('['))}`
  if (/Nothing to repeat/.test(message))
    return `no argument for repetition operator: ${/[*+?]/.exec(pattern)?.[0] ?? ''}`
  if (/\\ at end/.test(message)) return 'trailing \\'
  return message
}

/** Does the pattern match the whole of a text? (A regex that cannot be compiled matches nothing; config refuses it.) */
export function compilePattern(pattern: TextPattern): (text: string) => boolean {
  if (pattern.kind === 'regex') {
    const regex = compileRegex(`^(?:${pattern.value})$`)
    return regex.ok ? text => regex.value.test(text) : () => false
  }
  const fold = pattern.ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text
  const value = fold(pattern.value)
  switch (pattern.kind) {
    case 'exact':
      return text => fold(text) === value
    case 'prefix':
      return text => fold(text).startsWith(value)
    case 'suffix':
      return text => fold(text).endsWith(value)
    case 'contains':
      return text => fold(text).includes(value)
  }
}

/** stats_matcher: does a stat of this name exist? */
export function compileMatcher(settings: StatsMatcherSettings): (name: string) => boolean {
  if (!('patterns' in settings)) return () => settings.kind === 'accept-all'
  const patterns = settings.patterns.map(compilePattern)
  const isInclusion = settings.kind === 'include'
  return name => patterns.some(matches => matches(name)) === isInclusion
}
