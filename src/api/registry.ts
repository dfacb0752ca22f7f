import type { ExtensionCategory, NativeExtension } from './native.js'

/** Finds extensions. One object per thread, built by its composition root from src/generated/extensions.ts and passed down. */
export interface ExtensionRegistry {
  /** The extension that takes a configuration message, by the message's full name. */
  byType(category: ExtensionCategory, typeName: string): NativeExtension | undefined
  /** The HTTP filter that takes a message as its settings for a route. */
  byRouteType(typeName: string): NativeExtension | undefined
  byName(category: ExtensionCategory, name: string): NativeExtension | undefined
  all(): readonly NativeExtension[]
}
