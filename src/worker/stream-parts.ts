import { HeadFrame } from './head-frame.js'
import { HeaderNames } from './header-names.js'
import type { StreamAddon } from './script-addon.js'
import type { StreamView } from './stream-view.js'

/** What the views of all streams of a worker stand on. */
export class StreamParts {
  readonly addon: StreamAddon
  readonly names: HeaderNames
  readonly frame: HeadFrame
  /** Views that a later stage will ask for, by the slot of their handle. */
  readonly views: (StreamView | undefined)[] = []

  constructor(addon: StreamAddon) {
    this.addon = addon
    this.names = new HeaderNames(addon)
    this.frame = new HeadFrame(this.names)
  }

  /** A later stage of the stream is to find this view. */
  keep(view: StreamView): void {
    this.views[view.handle & slotMask] = view
  }

  find(handle: number): StreamView | undefined {
    const view = this.views[handle & slotMask]
    return view?.handle === handle ? view : undefined
  }

  forget(handle: number): void {
    this.views[handle & slotMask] = undefined
  }
}

// The lower bits of a handle are the slot of the stream's filter in native code's table.
const slotMask = 0xffff
