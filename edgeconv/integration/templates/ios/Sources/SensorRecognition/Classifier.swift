import Foundation
import SensorStreaming

/// The model: a window in, the probability of each class out.
///
/// ```swift
/// let classifier = try await Classifier.packaged()
/// ```
public struct Classifier: Sendable {
  private let engine: any Engine

  /// With an engine of the app's own, such as LiteRT or a recording.
  public init(engine: any Engine) {
    self.engine = engine
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
}

#if canImport(CoreML)
  extension Classifier {
    /// Opens the model of this package, which Xcode has compiled.
    ///
    /// - Throws: ``RecognitionError/noModel(_:)``, ``RecognitionError/wrongModel(_:)`` where the
    ///   file's own contract is another one, or the system's error.
    public static func packaged(computeUnits: ComputeUnits = .cpu) async throws -> Classifier {
      guard let url = Bundle.module.url(forResource: Contract.model, withExtension: "mlmodelc")
      else {
        throw RecognitionError.noModel(Contract.model)
      }
      return try await Classifier(compiled: url, computeUnits: computeUnits)
    }

    /// Opens a compiled model (`.mlmodelc`).
    public init(compiled url: URL, computeUnits: ComputeUnits = .cpu) async throws {
      self.init(engine: try await CoreMLEngine.open(url, computeUnits: computeUnits))
      Log.note("\(Contract.model) is open on \(runtime), \(computeUnits.rawValue)")
    }

    #if !os(watchOS)  // which cannot compile a model
      /// Opens a model (`.mlpackage`) that was not in the app, such as an update.
      ///
      /// Compiling takes far longer than opening, so what was compiled is kept in `folder` under the
      /// file's digest, for this version of the system.
      public init(
        package url: URL, sha256: String, computeUnits: ComputeUnits = .cpu,
        keptIn folder: URL? = nil
      ) async throws {
        let kept = try KeptModels(folder: folder)
        let compiled = try await kept.compiled(url, sha256: sha256)
        do {
          try await self.init(compiled: compiled, computeUnits: computeUnits)
        } catch let error as RecognitionError {
          throw error  // another model: compiling it again helps nothing
        } catch {
          Log.note("\(compiled.lastPathComponent) does not open and is compiled again: \(error)")
          try kept.remove(compiled)
          let again = try await kept.compiled(url, sha256: sha256)
          try await self.init(compiled: again, computeUnits: computeUnits)
        }
      }
    #endif
  }
#endif
