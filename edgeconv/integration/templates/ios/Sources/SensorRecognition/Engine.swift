import Foundation
import SensorStreaming

/// Where a model may be computed.
///
/// A network of this size takes less than a millisecond on the CPU, which is never refused: work for
/// the GPU is, as soon as the app is in the background.
public enum ComputeUnits: String, Sendable, CaseIterable {
  case cpuOnly
  case cpuAndGPU
  case cpuAndNeuralEngine
  /// Whatever the system takes.
  case all
}

/// Which of Apple's frameworks runs the model of the package.
public enum Runtime: Sendable {
  /// Core AI where the system has it and the package its file, otherwise Core ML.
  case newest
  case coreML

  /// Whether it is Core AI here.
  var isCoreAI: Bool { self == .newest && coreAIFile != nil }

  /// Core AI's file, where the system runs it.
  var coreAIFile: URL? {
    #if canImport(CoreAI)
      if #available(iOS 27, macOS 27, watchOS 27, tvOS 27, visionOS 27, *) {
        return Bundle.module.url(forResource: Contract.model, withExtension: "aimodel")
      }
    #endif
    return nil
  }
}

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
