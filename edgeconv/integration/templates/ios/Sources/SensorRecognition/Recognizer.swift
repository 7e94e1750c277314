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
/// let classifier = try await Classifier.packaged()
/// let recognizer = Recognizer { try await classifier.outputs(for: $0) }
/// for try await found in recognizer.recognitions(of: try Sensors().samples()) {
///   print(found.decision.label)
/// }
/// ```
public actor Recognizer {
  public typealias Model = @Sendable (Window) async throws -> [Double]

  /// Of the stream, the rate of the sensors included: what ``Sensors/samples(for:)`` takes.
  public nonisolated let settings: StreamSettings
  /// Windows for which the model gave numbers that are not finite: they decide nothing.
  public private(set) var unanswered = 0

  private let model: Model
  private var stream: SensorStream
  private var decider: Decider

  public init(
    stream: SensorStream = SensorStream(), decider: Decider = Decider(), model: @escaping Model
  ) {
    settings = stream.settings
    self.stream = stream
    self.decider = decider
    self.model = model
  }

  /// What became of the samples so far.
  public var counts: Counts { stream.counts }

  /// The sensors without a sample since the last restart: nothing is recognized without them.
  public var waitingFor: [SensorKind] { stream.waitingFor }

  /// Forgets all samples and what was decided, as when the app comes back from the background.
  ///
  /// It may be called at any time, also while a window is with the model: what the model says of
  /// that window is then dropped.
  public func restart() {
    stream.restart()
  }

  /// Takes one sample; returns what was recognized where it completed a window.
  ///
  /// Await each call before the next: samples are taken in the order of the calls.
  public func push(_ sample: Sample) async throws -> [Recognition] {
    var found: [Recognition] = []
    let clock = ContinuousClock()
    for window in stream.push(sample) {
      let begin = clock.now
      let outputs = try await model(window)
      let latency = clock.now - begin
      guard window.segment == stream.segment else { continue }  // restarted meanwhile
      let decision = decider.update(segment: window.segment, outputs: outputs)
      guard outputs.allSatisfy(\.isFinite) else {
        unanswered += 1
        Log.note("window \(window.number): the model's outputs are not finite")
        continue
      }
      guard let decision else { continue }
      found.append(
        Recognition(
          decision: decision, outputs: outputs, endNanoseconds: window.endNanoseconds,
          latency: latency))
    }
    return found
  }

  /// What is recognized in a sequence of samples, until it ends or its reader stops.
  public nonisolated func recognitions<Samples: AsyncSequence & Sendable>(
    of samples: Samples
  ) -> AsyncThrowingStream<Recognition, any Error> where Samples.Element == Sample {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          for try await sample in samples {
            for found in try await self.push(sample) { continuation.yield(found) }
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
}
