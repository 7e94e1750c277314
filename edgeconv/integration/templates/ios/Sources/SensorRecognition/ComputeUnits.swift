import Foundation
import SensorStreaming

#if canImport(CoreML)
  import CoreML
#endif
#if canImport(CoreAI)
  import CoreAI
#endif

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

#if canImport(CoreML)
  extension ComputeUnits {
    var coreML: MLComputeUnits {
      switch self {
      case .cpuOnly: .cpuOnly
      case .cpuAndGPU: .cpuAndGPU
      case .cpuAndNeuralEngine: .cpuAndNeuralEngine
      case .all: .all
      }
    }
  }
#endif

#if canImport(CoreAI)
  extension ComputeUnits {
    @available(iOS 27, macOS 27, watchOS 27, tvOS 27, visionOS 27, *)
    var coreAI: SpecializationOptions {
      switch self {
      case .cpuOnly: .cpuOnly
      case .cpuAndGPU: SpecializationOptions(preferredComputeUnitKind: .gpu)
      case .cpuAndNeuralEngine: SpecializationOptions(preferredComputeUnitKind: .neuralEngine)
      case .all: .default
      }
    }
  }
#endif
