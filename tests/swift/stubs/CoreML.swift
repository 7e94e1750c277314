// The part of Apple's Core ML that the package uses, so that it is really compiled where that
// is not. tests/packages/test_stubs.py compares the names with declarations made from Apple's
// headers.
import Foundation

public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  case cpuAndNeuralEngine = 3
}

public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
}

open class MLModelConfiguration: NSObject {
  open var computeUnits: MLComputeUnits = .all
}

open class MLMultiArray: NSObject {
  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {}
  public func withUnsafeMutableBufferPointer<S, R>(
    ofType type: S.Type,
    _ body: (UnsafeMutableBufferPointer<S>, _ strides: [Int]) throws -> R
  ) rethrows -> R {
    try body(UnsafeMutableBufferPointer(start: nil, count: 0), [])
  }
}

public protocol MLShapedArrayScalar {}

extension Float: MLShapedArrayScalar {}

extension Int32: MLShapedArrayScalar {}

public struct MLShapedArray<Scalar: MLShapedArrayScalar> {
  public let scalars: [Scalar]
  public init(converting multiArray: MLMultiArray) { scalars = [] }
}

open class MLMultiArrayConstraint: NSObject {
  open var shape: [NSNumber] { [] }
  open var dataType: MLMultiArrayDataType { .float32 }
}

open class MLFeatureDescription: NSObject {
  open var multiArrayConstraint: MLMultiArrayConstraint? { nil }
}

open class MLFeatureValue: NSObject {
  open var multiArrayValue: MLMultiArray? { nil }
  open var dictionaryValue: [AnyHashable: NSNumber] { [:] }
}

public protocol MLFeatureProvider {
  func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  public init(dictionary: [String: Any]) throws {}
  public func featureValue(for featureName: String) -> MLFeatureValue? { nil }
}

public struct MLModelMetadataKey: Hashable, Sendable {
  public static let creatorDefinedKey = MLModelMetadataKey()
}

open class MLModelDescription: NSObject {
  open var inputDescriptionsByName: [String: MLFeatureDescription] { [:] }
  open var outputDescriptionsByName: [String: MLFeatureDescription] { [:] }
  open var metadata: [MLModelMetadataKey: Any] { [:] }
  open var predictedProbabilitiesName: String? { nil }
}

open class MLModel: NSObject {
  public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
  open var modelDescription: MLModelDescription { MLModelDescription() }
  open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider { input }
  open class func compileModel(at modelURL: URL) async throws -> URL { modelURL }
}
