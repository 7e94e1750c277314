/// Turns samples with time stamps into the model's windows.
///
/// A phone's sensors deliver when they please. The stream converts units and sign, drops what cannot
/// be used, interpolates all sensors onto one even grid, filters as the training recordings were
/// filtered, and cuts windows. A gap restarts it: nothing is invented, and no sensor is ever
/// replaced by zeros.
///
/// ```swift
/// var stream = SensorStream()
/// for sample in samples {
///   for window in stream.push(sample) { … }
/// }
/// ```
public struct SensorStream: Sendable {
  public let settings: StreamSettings
  public private(set) var counts = Counts()
  /// How often the stream has restarted.
  public private(set) var segment = 0

  private let taps: [Double]
  private let oversampling: Int
  private let spacing: Double
  private let silence: Int64
  private var tracks: [Track]
  private var delivered: [DeliveredRate]
  private var gravity: Gravity?
  private var number = 0

  // Since the last restart.
  private var start: Int64?  // where the grid begins, once every sensor is there
  private var next = 0  // the first point of the fine grid that a sensor has not reached
  private var fine: [Ring<SIMD3<Double>>]  // of each sensor
  private var steps: Ring<[Float]>
  private var stepCount = 0

  public init(settings: StreamSettings = StreamSettings()) {
    self.settings = settings
    oversampling = settings.oversampling
    spacing = settings.spacing
    silence = settings.silence
    let taps = LowPass.taps(oversampling: oversampling)
    self.taps = taps
    let pending = settings.pending
    tracks = settings.sensors.map { Track($0, pending: pending) }
    let silence = self.silence
    delivered = settings.sensors.map { DeliveredRate(asked: $0.sensorHz, silence: silence) }
    fine = tracks.map { _ in Ring(capacity: taps.count, filledWith: .zero) }
    steps = Ring(capacity: settings.window, filledWith: [])
    if Contract.sources.contains(where: { $0.part != .whole }) {
      gravity = Gravity(rateHz: settings.rateHz)
    }
  }

  /// The sensors without a sample since the last restart: no window comes without them.
  public var waitingFor: [SensorKind] { tracks.filter { $0.newest == nil }.map(\.kind) }

  /// The rate that a sensor really delivers, in Hz; `nil` before it was measured for 5 s.
  public func deliveredHz(of kind: SensorKind) -> Double? {
    tracks.firstIndex { $0.kind == kind }.flatMap { delivered[$0].hertz }
  }

  /// Whether a sensor delivers less than 0.8 of the rate that it was asked for.
  public func isSlow(_ kind: SensorKind) -> Bool {
    tracks.firstIndex { $0.kind == kind }.map { delivered[$0].isSlow } ?? false
  }

  /// Takes one sample and returns the windows that it completes, mostly none.
  ///
  /// A sample completes the interval between the two before it: the curve there needs one
  /// neighbour on each side.
  ///
  /// - Precondition: the model takes the sample's sensor.
  public mutating func push(_ sample: Sample) -> [Window] {
    var windows: [Window] = []
    push(sample) { window in
      windows.append(window)
      return .goOn
    }
    return windows
  }

  /// What a stream does after it has handed out a window.
  public enum AfterWindow: Sendable {
    case goOn
    /// Forget everything, the sample that completed the window too.
    case restart
  }

  /// Takes one sample and hands out each window that it completes.
  public mutating func push(_ sample: Sample, onWindow: (Window) -> AfterWindow) {
    guard let index = tracks.firstIndex(where: { $0.kind == sample.sensor }) else {
      preconditionFailure("the model takes no \(sample.sensor.rawValue)")
    }
    guard sample.x.isFinite && sample.y.isFinite && sample.z.isFinite else {
      counts.notFinite += 1
      return
    }
    let time = sample.nanoseconds
    if let last = tracks[index].newest, !isInOrder(time, after: last, of: index) { return }
    if tracks.contains(where: { isSilent($0, at: time) }) {
      counts.silent += 1
      restart()
    }
    counts.accepted += 1
    delivered[index].update(time)
    tracks[index].hold(sample)
    if start == nil {
      let newest = tracks.compactMap(\.newest)
      if newest.count == tracks.count { start = newest.max() }
    }
    guard let start, let curve = tracks[index].curve else { return }
    evaluate(curve, of: index, from: start, onWindow)
  }

  /// Forgets all samples, as after a gap. Counts and window numbers go on.
  public mutating func restart() {
    segment += 1
    (start, next, stepCount) = (nil, 0, 0)
    for index in tracks.indices {
      tracks[index].removeAll()
      fine[index].removeAll()
    }
    gravity?.removeAll()
    steps.removeAll()
  }

  /// Whether a sample at `time` is used; a gap or a clock that was set back restarts the stream.
  private mutating func isInOrder(_ time: Int64, after last: Int64, of index: Int) -> Bool {
    let (difference, overflow) = time.subtractingReportingOverflow(last)
    let elapsed = overflow ? (time > last ? Int64.max : Int64.min) : difference
    if elapsed.magnitude > UInt64(tracks[index].maxGap) {
      if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }
      restart()
    } else if elapsed < 0 {
      counts.late += 1
      return false
    } else if elapsed < tracks[index].closest {
      counts.duplicate += 1
      return false
    }
    return true
  }

  /// Whether a sensor has given nothing for too long when this time comes.
  private func isSilent(_ track: Track, at time: Int64) -> Bool {
    guard let newest = track.newest, time > newest else { return false }
    let (elapsed, overflow) = time.subtractingReportingOverflow(newest)
    return overflow || elapsed > silence
  }

  /// Every point of the fine grid that the sensor's curve reaches, and those that all reach.
  private mutating func evaluate(
    _ curve: Curve, of index: Int, from start: Int64, _ onWindow: (Window) -> AfterWindow
  ) {
    while case let time = gridTime(tracks[index].next, from: start), time < curve.until {
      tracks[index].append(curve[time])
      if tracks.allSatisfy({ $0.points.count > 0 }), let window = join(from: start),
        onWindow(window) == .restart
      {
        return restart()
      }
    }
  }

  /// Never accumulated, so that no error grows.
  private func gridTime(_ index: Int, from start: Int64) -> Int64 {
    start + Int64((Double(index) * spacing + 0.5).rounded(.down))
  }

  /// Keeps a point of the fine grid; where it completes a step, makes that step.
  private mutating func join(from start: Int64) -> Window? {
    for index in tracks.indices { fine[index].append(tracks[index].points.removeFirst()) }
    let half = taps.count / 2
    let middle = next - half
    next += 1
    guard fine[0].isFull && middle % oversampling == 0 else { return nil }
    let step = fine.map { points in
      // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
      let centre = points[half]
      var sum = SIMD3<Double>.zero
      for index in taps.indices { sum += taps[index] * (points[index] - centre) }
      return centre + sum
    }
    return window(adding: step, at: gridTime(middle, from: start))
  }

  /// Keeps the channels of a step of all sensors; none while gravity settles.
  private mutating func window(adding step: [SIMD3<Double>], at time: Int64) -> Window? {
    var slow = SIMD3<Double>.zero
    if gravity != nil {
      guard let filtered = gravity?.update(step[0]) else { return nil }
      slow = filtered
    }
    steps.append(
      Contract.sources.map { source in
        let value = step[source.sensor][source.axis]
        return switch source.part {
        case .whole: Float(value)
        case .gravity: Float(slow[source.axis])
        case .rest: Float(value - slow[source.axis])
        }
      })
    stepCount += 1
    let beyond = stepCount - settings.window
    guard beyond >= 0 && beyond % settings.step == 0 else { return nil }
    defer { number += 1 }
    var values: [Float] = []
    values.reserveCapacity(Contract.sources.count * settings.window)
    for index in 0..<settings.window { values += steps[index] }
    return Window(number: number, segment: segment, endNanoseconds: time, values: values)
  }
}
