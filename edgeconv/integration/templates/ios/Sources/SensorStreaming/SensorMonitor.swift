/// What an app shows of a sensor.
public enum SensorState: String, Sendable, Equatable, CaseIterable, Codable {
  /// Not asked for.
  case stopped
  /// Asked for; no sample yet.
  case waiting
  case receiving
  /// Samples come at less than 0.8 of the rate that was asked for.
  case slow
  /// No sample for longer than the monitor's patience.
  case silent
  /// The app is in the background, or the screen is off.
  case suspended
  /// This device has no such sensor.
  case missing
  /// The user or the system does not allow it.
  case denied
}

/// What an adapter reports of a sensor.
public enum SensorEvent: String, Sendable, Equatable, Codable {
  case start, sample, check, suspend, resume, missing, denied, stop
}

/// The state of one sensor, from what its adapter reports. It knows no platform.
public struct SensorMonitor: Sendable {
  /// What follows from an event.
  public struct Reaction: Sendable, Equatable {
    public let state: SensorState
    /// Whether the stream has to be restarted.
    public var restart = false
    /// Whether the stream gets the sample; `false` for every other event.
    public var useSample = false
  }

  /// How long nothing may come before a sensor is silent, in ns.
  public static let patience: Int64 = 2_000_000_000

  public private(set) var state = SensorState.stopped
  private let patience: Int64
  private var since: Int64 = 0
  private var isFresh = true

  /// - Parameter patience: in ns; twice the latency of batches where that is more than 2 s.
  public init(patience: Int64 = Self.patience) {
    precondition(patience > 0)
    self.patience = patience
  }

  /// - Parameters:
  ///   - time: of a monotonic clock, in ns.
  ///   - slow: of a sample: whether the stream finds the sensor slow, this sample included.
  public mutating func update(
    _ event: SensorEvent, at time: Int64, slow: Bool = false
  ) -> Reaction {
    let isListening = [.waiting, .receiving, .slow, .silent].contains(state)
    switch event {
    case .missing: state = .missing
    case .denied: state = .denied
    case .stop: state = .stopped
    case .start: return begin(at: time)
    case .resume where state == .suspended: return begin(at: time)
    case .suspend where isListening: state = .suspended
    case .sample where isListening:
      since = time
      state = slow ? .slow : .receiving
      return Reaction(state: state, useSample: true)
    case .check where isListening && time - since >= patience: state = .silent
    default: break
    }
    return Reaction(state: state)
  }

  private mutating func begin(at time: Int64) -> Reaction {
    (state, since) = (.waiting, time)
    defer { isFresh = false }
    return Reaction(state: state, restart: !isFresh)
  }
}

/// The rate that a sensor really delivers, by its time stamps.
struct DeliveredRate: Sendable {
  private static let measured: Int64 = 5_000_000_000
  private static let slowBelow = 0.8

  /// `nil` until it was measured for 5 s.
  private(set) var hertz: Double?
  private let asked: Double
  private let longest: Int64
  private var begin: Int64?
  private var last: Int64 = 0
  private var samples = 0

  /// - Parameter silence: of the stream. A pause longer than this and than a monitor's patience is
  ///   not part of a rate: the sensor is silent then, or the app was suspended.
  init(asked: Double, silence: Int64) {
    self.asked = asked
    longest = max(SensorMonitor.patience, silence)
  }

  var isSlow: Bool { hertz.map { $0 < Self.slowBelow * asked } ?? false }

  /// Counts a sample that the stream accepted.
  mutating func update(_ stamp: Int64) {
    let (elapsed, overflow) = stamp.subtractingReportingOverflow(last)
    last = stamp
    guard let begin, !overflow, elapsed >= 0, elapsed <= longest else {
      (self.begin, samples) = (stamp, 0)
      return
    }
    samples += 1
    if stamp - begin >= Self.measured {
      hertz = Double(samples) * 1e9 / Double(stamp - begin)
      (self.begin, samples) = (stamp, 0)
    }
  }
}
