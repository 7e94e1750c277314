import Foundation
import SensorStreaming

#if canImport(os)
  import os

  /// What the package says to Console and Instruments: notes, and an interval for each inference.
  enum Log {
    typealias Interval = OSSignpostIntervalState

    private static let logger = Logger(subsystem: "edgeconv", category: Contract.model)
    private static let signposter = OSSignposter(logger: logger)

    static func note(_ text: String) { logger.notice("\(text, privacy: .public)") }

    static func begin(_ name: StaticString) -> Interval { signposter.beginInterval(name) }

    static func end(_ name: StaticString, _ interval: Interval) {
      signposter.endInterval(name, interval)
    }
  }
#else
  /// Nothing is logged where there is no `os`.
  enum Log {
    struct Interval {}

    static func note(_ text: String) {}

    static func begin(_ name: StaticString) -> Interval { Interval() }

    static func end(_ name: StaticString, _ interval: Interval) {}
  }
#endif
