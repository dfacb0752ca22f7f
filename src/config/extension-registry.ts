import type { ExtensionCategory, NativeExtension } from '../api/native.js'
import type { ExtensionRegistry } from '../api/registry.js'

/** The extensions of a thread. Throws when two of a category share a name or a message type: that is a bug in the tree. */
export function makeExtensionRegistry(extensions: readonly NativeExtension[]): ExtensionRegistry {
  return new ListedExtensions(extensions)
}

class ListedExtensions implements ExtensionRegistry {
  readonly #all: readonly NativeExtension[]
  readonly #byKey = new Map<string, NativeExtension>()

  constructor(extensions: readonly NativeExtension[]) {
    this.#all = extensions
    for (const extension of extensions) {
      for (const typeName of extension.route?.typeNames ?? []) this.#add(`route/${typeName}`, extension)
      for (const key of [extension.name, ...extension.typeNames]) {
        this.#add(`${extension.category}/${key}`, extension)
        if (extension.isUpstreamToo) this.#add(`envoy.filters.http.upstream/${key}`, extension)
      }
    }
  }

  byType(category: ExtensionCategory, typeName: string): NativeExtension | undefined {
    return this.#byKey.get(`${category}/${typeName}`)
  }

  byRouteType(typeName: string): NativeExtension | undefined {
    return this.#byKey.get(`route/${typeName}`)
  }

  byName(category: ExtensionCategory, name: string): NativeExtension | undefined {
    return this.#byKey.get(`${category}/${name}`)
  }

  all(): readonly NativeExtension[] {
    return this.#all
  }

  #add(key: string, extension: NativeExtension): void {
    if (this.#byKey.has(key)) throw new Error(`two extensions claim ${key}`)
    this.#byKey.set(key, extension)
  }
}
