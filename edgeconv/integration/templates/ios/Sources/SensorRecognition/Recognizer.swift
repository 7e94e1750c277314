import Dispatch
import SensorStreaming

/// What was recognized in one window.
public struct Recognition: Sendable, Equatable {
  public let decision: Decision
  /// The model's own outputs for this window, before smoothing.
  public let outputs: [Double]
  /// Time of the window's last sample, on the sensor's clock.
  public let endNanoseconds: Int64
  /// How long the model took.
  public let latency: Duration
}

/// From samples to decisions, one after the other.
///
/// ```swift
/// let classifier = try await ProvenModel().classifier()
/// let recognizer = Recognizer { try await classifier.outputs(for: $0) }
/// let samples = try Sensors().samples(for: recognizer.settings)
/// for try await recognition in recognizer.recognitions(of: samples) {
///   print(recognition.decision.label ?? "not sure")
/// }
/// ```
public actor Recognizer {
  public typealias Model = @Sendable (Window) async throws -> [Double]

  /// Of the stream, the rate of the sensors included: what ``Sensors/samples(for:)`` takes.
  public nonisolated let settings: StreamSettings
  /// The state of each sensor, whenever one changes; for one reader.
  public nonisolated let stateChanges: AsyncStream<[SensorKind: SensorState]>
  /// Windows for which the model gave numbers that are not finite: they decide nothing.
  public private(set) var notFiniteOutputs = 0
  /// Windows for which the model threw, and what it threw last. Recognition goes on.
  public private(set) var failures = 0
  public private(set) var latestFailure: (any Error)?
  /// Windows that were not given to the model, as nothing moved.
  public private(set) var spared = 0

  private let model: Model
  private let changes: AsyncStream<[SensorKind: SensorState]>.Continuation
  private var stream: SensorStream
  private var decider: Decider
  private var energy: EnergySaver?
  private var monitors: [SensorKind: SensorMonitor]

  /// - Parameters:
  ///   - energy: leaves out windows while nothing moves.
  ///   - patience: a sensor that gives nothing for this long is silent.
  public init(
    stream: SensorStream = SensorStream(), decider: Decider = Decider(),
    energy: EnergySaver? = nil, patience: Duration = .nanoseconds(SensorMonitor.patience),
    model: @escaping Model
  ) {
    settings = stream.settings
    self.stream = stream
    self.decider = decider
    self.energy = energy
    self.model = model
    (stateChanges, changes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    let monitor = SensorMonitor(patience: Int64(patience / .nanoseconds(1)))
    monitors = Dictionary(uniqueKeysWithValues: settings.sensors.map { ($0.kind, monitor) })
  }

  /// What became of the samples so far.
  public var counts: Counts { stream.counts }

  /// The sensors without a sample since the last restart: nothing is recognized without them.
  public var waitingFor: [SensorKind] { stream.waitingFor }

  /// What an app shows of each sensor.
  public var states: [SensorKind: SensorState] { monitors.mapValues(\.state) }

  /// The rate that a sensor really delivers, in Hz; `nil` before it was measured for 5 s.
  public func deliveredHz(of kind: SensorKind) -> Double? { stream.deliveredHz(of: kind) }

  /// Forgets all samples and what was decided.
  ///
  /// It may be called at any time, also while a window is with the model: what the model says of
  /// that window is then dropped.
  public func restart() {
    stream.restart()
  }

  /// That the app goes to the background, or the screen off: what still comes is not used.
  public func suspend() { report(.suspend) }

  /// That the app is back. The next decision needs a full window.
  public func resume() { report(.resume) }

  /// Takes one sample; returns what was recognized where it completed a window.
  ///
  /// Await each call before the next: samples are taken in the order of the calls.
  public func push(_ sample: Sample) async -> [Recognition] {
    if monitors[sample.sensor]?.state == .stopped { report(.start, of: sample.sensor) }
    let listening: [SensorState] = [.waiting, .receiving, .slow, .silent]
    guard let state = monitors[sample.sensor]?.state, listening.contains(state) else { return [] }
    let windows = stream.push(sample)
    report(.sample, of: sample.sensor)
    var recognitions: [Recognition] = []
    for window in windows {
      guard window.segment == stream.segment else { break }  // restarted meanwhile
      if let recognition = await recognize(window) { recognitions.append(recognition) }
    }
    return recognitions
  }

  private func recognize(_ window: Window) async -> Recognition? {
    if energy?.runs(window) == false {
      spared += 1
      return nil
    }
    let clock = ContinuousClock()
    let begin = clock.now
    let outputs: [Double]
    do {
      outputs = try await model(window)
    } catch {
      failures += 1
      latestFailure = error
      Log.note("window \(window.number): the model failed: \(error)")
      return nil
    }
    let latency = clock.now - begin
    guard window.segment == stream.segment else { return nil }  // restarted meanwhile
    let decision = decider.update(segment: window.segment, outputs: outputs)
    guard outputs.allSatisfy(\.isFinite) else {
      notFiniteOutputs += 1
      Log.note("window \(window.number): the model's outputs are not finite")
      return nil
    }
    return decision.map {
      Recognition(
        decision: $0, outputs: outputs, endNanoseconds: window.endNanoseconds, latency: latency)
    }
  }

  /// What is recognized in a sequence of samples, until it ends or its reader stops.
  public nonisolated func recognitions<Samples: AsyncSequence & Sendable>(
    of samples: Samples
  ) -> AsyncThrowingStream<Recognition, any Error> where Samples.Element == Sample {
    AsyncThrowingStream { continuation in
      let task = Task {
        await self.report(.start)
        let timer = Task {
          while !Task.isCancelled {
            try await Task.sleep(for: .seconds(1))
            await self.report(.check)
          }
        }
        defer { timer.cancel() }
        do {
          for try await sample in samples {
            for each in await self.push(sample) { continuation.yield(each) }
          }
          await self.report(.stop)
          continuation.finish()
        } catch {
          await self.report(error as? RecognitionError == .denied ? .denied : .stop)
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Tells every monitor, or that of one sensor, and does what follows from it.
  private func report(_ event: SensorEvent, of kind: SensorKind? = nil) {
    let now = Int64(clamping: DispatchTime.now().uptimeNanoseconds)
    let before = states
    var restarts = false
    for each in settings.sensors.map(\.kind) where kind == nil || each == kind {
      let reaction = monitors[each]?.update(event, at: now, slow: stream.isSlow(each))
      restarts = restarts || reaction?.restart == true
    }
    if restarts { stream.restart() }
    if states != before { changes.yield(states) }
  }
}
