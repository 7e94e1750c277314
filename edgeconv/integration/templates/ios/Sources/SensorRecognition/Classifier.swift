import Foundation
import SensorStreaming

/// The model: a window in, the probability of each class out.
///
/// ```swift
/// let classifier = try await Classifier.packaged()
/// ```
public struct Classifier: Sendable {
  /// Of the file that runs, by which what is learned of a user is kept apart.
  public let sha256: String
  private let engine: any Engine

  /// With an engine of the app's own, such as LiteRT or a recording.
  public init(engine: any Engine, sha256: String = Contract.sha256) {
    self.engine = engine
    self.sha256 = sha256
  }

  /// What runs the model.
  public var runtime: String { engine.runtime }

  /// The outputs for one window, in the order of ``Contract/labels``; not finite where the model
  /// gave no answer.
  public func outputs(for window: Window) async throws -> [Double] {
    let interval = Log.begin("inference")
    defer { Log.end("inference", interval) }
    return try await engine.outputs(for: window.values)
  }

  /// The outputs with the window's embedding, for a ``PersonalClassifier``.
  public func answer(for window: Window) async throws -> ModelAnswer {
    let interval = Log.begin("inference")
    defer { Log.end("inference", interval) }
    return try await engine.answer(for: window.values)
  }
}
