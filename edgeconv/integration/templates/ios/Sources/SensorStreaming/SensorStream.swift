/// Turns samples with time stamps into the model's windows.
///
/// A phone's sensor delivers when it pleases. The stream converts unit and sign, drops what cannot
/// be used, interpolates onto an even grid, filters as the training recordings were filtered, and
/// cuts windows. A gap restarts it: nothing is invented. Nothing is allocated but for a window.
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
  private var number = 0

  // Since the last restart.
  private var start: Int64 = 0
  private var earlier: Point?
  private var first: Point?
  private var second: Point?
  private var next = 0  // the first point of the fine grid that has no value yet
  private var fine: Ring
  private var steps: Ring
  private var made = 0

  private struct Point {
    let time: Int64
    let values: SIMD3<Double>
  }

  public init(settings: StreamSettings = StreamSettings()) {
    self.settings = settings
    oversampling = settings.oversampling
    spacing = settings.spacing
    taps = LowPass.taps(oversampling: oversampling)
    fine = Ring(capacity: taps.count)
    steps = Ring(capacity: settings.window)
  }

  /// Takes one sample and returns the windows that it completes, mostly none.
  ///
  /// A sample completes the interval between the two before it: the curve there needs one
  /// neighbour on each side.
  public mutating func push(_ sample: Sample) -> [Window] {
    guard sample.x.isFinite && sample.y.isFinite && sample.z.isFinite else {
      counts.notFinite += 1
      return []
    }
    if let last = second ?? first, !isInOrder(sample.nanoseconds, after: last.time) { return [] }
    counts.accepted += 1
    let latest = Point(time: sample.nanoseconds, values: sample.values * settings.factor)
    guard let from = first else {
      start = latest.time
      first = latest
      return []
    }
    guard let to = second else {
      second = latest
      return []
    }
    let windows = evaluate(from: from, to: to, after: latest)
    (earlier, first, second) = (from, to, latest)
    return windows
  }

  /// Forgets all samples, as after a gap. Counts and window numbers go on.
  public mutating func restart() {
    segment += 1
    (start, next, made) = (0, 0, 0)
    (earlier, first, second) = (nil, nil, nil)
    fine.removeAll()
    steps.removeAll()
  }

  /// Whether a sample at `time` is used; a gap or a clock that was set back restarts the stream.
  private mutating func isInOrder(_ time: Int64, after last: Int64) -> Bool {
    let (difference, overflow) = time.subtractingReportingOverflow(last)
    let elapsed = overflow ? (time > last ? Int64.max : Int64.min) : difference
    if elapsed.magnitude > UInt64(settings.maxGap) {
      if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }
      restart()
    } else if elapsed < 0 {
      counts.late += 1
      return false
    } else if elapsed < settings.closest {
      counts.duplicate += 1
      return false
    }
    return true
  }

  /// Every point of the fine grid between two samples, on a cubic through their neighbours too.
  private mutating func evaluate(from: Point, to: Point, after: Point) -> [Window] {
    let length = Double(to.time - from.time)
    let rise = to.values - from.values
    let end = slope(rise, after.values - to.values, length / Double(after.time - to.time))
    let begin: SIMD3<Double>
    if let earlier {
      let ratio = length / Double(from.time - earlier.time)
      begin = slope(rise, from.values - earlier.values, ratio)
    } else {  // the parabola through the first three samples
      begin = 2 * rise - end
    }
    let bend = 3 * rise - 2 * begin - end
    let twist = begin + end - 2 * rise
    var windows: [Window] = []
    while case let time = gridTime(next), time < to.time {
      let u = Double(time - from.time) / length
      let value = from.values + u * (begin + u * (bend + u * twist))
      if let window = filter(value) { windows.append(window) }
      next += 1
    }
    return windows
  }

  /// Slope of the parabola through three samples at the middle one, times this interval's length.
  ///
  /// `other` is the difference over the neighbouring interval, `ratio` this length by that one's.
  private func slope(
    _ rise: SIMD3<Double>, _ other: SIMD3<Double>, _ ratio: Double
  ) -> SIMD3<Double> {
    (rise + ratio * ratio * other) / (1 + ratio)
  }

  /// Never accumulated, so that no error grows.
  private func gridTime(_ index: Int) -> Int64 {
    start + Int64((Double(index) * spacing + 0.5).rounded(.down))
  }

  /// Keeps a point of the fine grid; where it completes a step, makes that step.
  private mutating func filter(_ point: SIMD3<Double>) -> Window? {
    fine.append(point)
    let half = taps.count / 2
    let middle = next - half
    guard fine.isFull && middle % oversampling == 0 else { return nil }
    // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
    let centre = fine[half]
    var sum = SIMD3<Double>.zero
    for index in taps.indices { sum += taps[index] * (fine[index] - centre) }
    return window(adding: centre + sum, at: gridTime(middle))
  }

  private mutating func window(adding step: SIMD3<Double>, at time: Int64) -> Window? {
    steps.append(step)
    made += 1
    let beyond = made - settings.window
    guard beyond >= 0 && beyond % settings.step == 0 else { return nil }
    defer { number += 1 }
    var values: [Float] = []
    values.reserveCapacity(3 * settings.window)
    for index in 0..<settings.window {
      let step = steps[index]
      values += [Float(step.x), Float(step.y), Float(step.z)]
    }
    return Window(number: number, segment: segment, endNanoseconds: time, values: values)
  }
}
