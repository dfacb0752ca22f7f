/**
 * Where a value stands in its document: a chain of names and indices up to the root. Building the text is left until an error needs it.
 * Text form: `static_resources.listeners[0].metadata.filter_metadata["a.b"]`.
 */
export class FieldPath {
  static readonly root = new FieldPath(undefined, '')

  readonly #parent: FieldPath | undefined
  readonly #key: string | number

  private constructor(parent: FieldPath | undefined, key: string | number) {
    this.#parent = parent
    this.#key = key
  }

  field(name: string): FieldPath {
    return new FieldPath(this, name)
  }

  item(index: number): FieldPath {
    return new FieldPath(this, index)
  }

  toString(): string {
    if (!this.#parent) return ''
    const parent = this.#parent.toString()
    if (typeof this.#key === 'number') return `${parent}[${this.#key}]`
    if (!/^[A-Za-z_@][\w@-]*$/.test(this.#key)) return `${parent}[${JSON.stringify(this.#key)}]`
    return parent === '' ? this.#key : `${parent}.${this.#key}`
  }
}

/** Splits the text form; the inverse of toString. */
export function parsePath(text: string): (string | number)[] {
  const parts: (string | number)[] = []
  for (const [, name, index, key] of text.matchAll(/([^.[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    // A name inside brackets cannot match the first group before the bracketed ones: "[" ends it.
    if (index !== undefined) parts.push(Number(index))
    else if (key !== undefined) parts.push(JSON.parse(key) as string)
    else if (name !== undefined) parts.push(name)
  }
  return parts
}
