// The part of Apple's unified logging that the package uses, so that it is really compiled where
// that is not. What is logged is kept for tests to read.
import Foundation

public struct OSLogPrivacy: Sendable {
  public static let `public` = OSLogPrivacy()
}

public struct OSLogInterpolation: StringInterpolationProtocol {
  var text = ""
  public init(literalCapacity: Int, interpolationCount: Int) {}
  public mutating func appendLiteral(_ literal: String) { text += literal }
  public mutating func appendInterpolation(
    _ value: @autoclosure () -> String, privacy: OSLogPrivacy
  ) {
    text += value()
  }
}

public struct OSLogMessage: ExpressibleByStringInterpolation {
  let text: String
  public init(stringLiteral value: String) { text = value }
  public init(stringInterpolation: OSLogInterpolation) { text = stringInterpolation.text }
}

public struct Logger: Sendable {
  public init(subsystem: String, category: String) {}
  public func notice(_ message: OSLogMessage) { Logged.notes.add(message.text) }
}

public final class OSSignpostIntervalState: Sendable {}

public struct OSSignposter: Sendable {
  public init(logger: Logger) {}
  public func beginInterval(_ name: StaticString) -> OSSignpostIntervalState {
    OSSignpostIntervalState()
  }
  public func endInterval(_ name: StaticString, _ state: OSSignpostIntervalState) {
    Logged.intervals.add("\(name)")
  }
}

/// Apple's module has nothing of this.
public final class Logged: @unchecked Sendable {
  public static let notes = Logged()
  public static let intervals = Logged()
  private let lock = NSLock()
  private var lines: [String] = []

  public var all: [String] {
    lock.lock()
    defer { lock.unlock() }
    return lines
  }

  func add(_ line: String) {
    lock.lock()
    lines.append(line)
    lock.unlock()
  }
}
