import Foundation
import SensorStreaming

/// What a model gives for one window.
public struct ModelAnswer: Sendable, Equatable {
  /// In the order of ``Contract/labels``.
  public let outputs: [Double]
  /// What the last layer read; empty where the file does not give it.
  public let embedding: [Double]

  public init(outputs: [Double], embedding: [Double] = []) {
    self.outputs = outputs
    self.embedding = embedding
  }
}

/// What runs the model's file: Core ML, Core AI, or anything else that an app has.
public protocol Engine: Sendable {
  /// Its name for logs and reports.
  var runtime: String { get }

  /// What the model gives for the values of one window, in the order of ``Contract/labels``.
  ///
  /// Numbers that are not finite are given as they are: they are no answer, which ``Recognizer``
  /// counts.
  func outputs(for values: [Float]) async throws -> [Double]

  /// The same, with the embedding of the window where the file gives one.
  func answer(for values: [Float]) async throws -> ModelAnswer
}

extension Engine {
  public func answer(for values: [Float]) async throws -> ModelAnswer {
    ModelAnswer(outputs: try await outputs(for: values))
  }
}
