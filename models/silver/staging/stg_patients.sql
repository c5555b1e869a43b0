{{ stage('patients') }}
